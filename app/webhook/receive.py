"""Decides the response to a delivery: the status, the body, and the key to queue.

The decision needs neither a request nor a queue. The trigger only executes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.webhook.event import BranchChanged, Ignored, Malformed, Ping, header, parse
from app.webhook.signature import valid
from coppice.environment.branch_filter import included
from coppice.environment.key import Key

# https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
_MOST_BYTES = 25 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class WebhookResponse:
    """The response to GitHub, and the key to queue.

    Attributes:
        status: the HTTP status.
        body: the body, which is sent as JSON.
        key: the key to queue; `None` if there is none.
    """

    status: int
    body: Mapping[str, object]
    key: Key | None = None


def receive(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str,
    repository: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    former: tuple[str, ...],
) -> WebhookResponse:
    """Check and parse a delivery, and decide the response.

    Args:
        headers: the request's headers, whose names may have any case.
        body: the raw body.
        secret: setting `GITHUB_WEBHOOK_SECRET`.
        repository: setting `GITHUB_REPOSITORY`.
        include: setting `BRANCHES_INCLUDE`.
        exclude: setting `BRANCHES_EXCLUDE`.
        former: setting `FORMER_REPOSITORIES`. A delivery from before the repository was renamed or moved has
            the former name when it is delivered again.

    Returns:
        413, 401, 400 or 404 with an error; 200 for a ping; else 202, with a key or with the reason for none.
    """
    if len(body) > _MOST_BYTES:
        return _error(
            413, "too_large", f"The body has {len(body)} bytes: GitHub sends {_MOST_BYTES} at most."
        )
    if not valid(secret, body, header(headers, "X-Hub-Signature-256")):
        return _error(
            401,
            "bad_signature",
            "X-Hub-Signature-256 is missing or wrong: give the webhook the secret in GITHUB_WEBHOOK_SECRET.",
        )
    try:
        event = parse(headers, body)
    except Malformed as error:
        return _error(400, "malformed", str(error))
    names = {each.lower() for each in (repository, *former)}  # GitHub ignores case in repository names
    if event.repository is not None and event.repository.lower() not in names:
        return _error(
            404,
            "other_repository",
            f"{event.repository!r} gets no environments: GITHUB_REPOSITORY is {repository!r}. "
            "If both are one repository, add the former name to FORMER_REPOSITORIES.",
        )
    return _answer(event, repository=repository, include=include, exclude=exclude)


def _answer(
    event: BranchChanged | Ignored | Ping,
    *,
    repository: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> WebhookResponse:
    if isinstance(event, Ping):
        return WebhookResponse(status=200, body={"message": "The webhook is set up."})
    if isinstance(event, Ignored):
        return _ignored(event.why)
    why = included(event.key.branch, include, exclude, event.default_branch)
    if why is not None:
        return _ignored(why)
    # Spelt as in the settings, the key and its lease equal those of the sweep for the same branch.
    key = replace(event.key, repository=repository)
    return WebhookResponse(
        status=202, body={"queued": {"repository": key.repository, "branch": key.branch}}, key=key
    )


def _ignored(why: str) -> WebhookResponse:
    return WebhookResponse(status=202, body={"ignored": why})


def _error(status: int, code: str, message: str) -> WebhookResponse:
    return WebhookResponse(status=status, body={"error": {"code": code, "message": message}})
