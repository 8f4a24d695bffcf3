"""What GitHub says in a webhook: headers and bytes in, an event out.

Nothing here talks to anybody, so every delivery that GitHub ever makes can be tried in a test.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl

from coppice.environment.key import Key

_HEADS = "refs/heads/"


@dataclass(frozen=True, kw_only=True)
class BranchChanged:
    """A branch was created, pushed to or deleted: which of them is no matter.

    Attributes:
        key: the branch, with both names as GitHub wrote them.
        default_branch: the repository's default branch, if the payload names it.
    """

    key: Key
    default_branch: str | None

    @property
    def repository(self) -> str:
        """The repository's `owner/name`."""
        return self.key.repository


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """Nothing that an environment depends on.

    Attributes:
        repository: its `owner/name`, or None where the event belongs to no single repository.
        why: the reason as a sentence.
    """

    repository: str | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Ping:
    """The webhook was just set up.

    Attributes:
        repository: its `owner/name`, or None for a webhook of an organisation or an app.
    """

    repository: str | None


class Malformed(Exception):
    """A delivery that GitHub would not have made; the message says what is wrong with it."""


def parse(headers: Mapping[str, str], body: bytes) -> BranchChanged | Ignored | Ping:
    """Read a delivery. Its signature is checked elsewhere, before.

    See https://docs.github.com/webhooks/webhook-events-and-payloads.

    Args:
        headers: the request's headers, in any case.
        body: the raw body.

    Returns:
        The event.

    Raises:
        Malformed: the delivery is none of GitHub's, and why. No input raises anything else.
    """
    event = header(headers, "X-GitHub-Event")
    if not event:
        raise Malformed("The header X-GitHub-Event is missing, so nobody can tell what happened.")
    payload = _payload(header(headers, "Content-Type") or "", body)
    repository = _object(payload, "repository")
    full_name = None if repository is None else _text(repository, "full_name")
    match event:
        case "ping":
            return Ping(repository=full_name)
        case "create" | "delete":
            kind = _text(payload, "ref_type")
            if kind != "branch":
                return Ignored(repository=full_name, why=f"This is about a {kind!r}, not a branch.")
            branch = _text(payload, "ref")
        case "push":
            ref = _text(payload, "ref")
            if not ref.startswith(_HEADS):
                return Ignored(repository=full_name, why=f"{ref!r} is not a branch.")
            branch = ref.removeprefix(_HEADS)
        case _:
            return Ignored(repository=full_name, why=f"No environment depends on the event {event!r}.")
    if repository is None:
        raise Malformed("The payload names no repository.")
    default_branch = _text(repository, "default_branch") if "default_branch" in repository else None
    try:
        key = Key(repository=_text(repository, "full_name"), branch=branch)
    except ValueError as error:
        raise Malformed(str(error)) from error
    return BranchChanged(key=key, default_branch=default_branch)


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Find a header, whatever the case of its name.

    Args:
        headers: the request's headers.
        name: the one looked for.

    Returns:
        Its value, or None.
    """
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def _payload(content_type: str, body: bytes) -> Mapping[str, object]:
    # A charset is not asked for: JSON is UTF-8 whatever it says, and so is what GitHub puts into a form.
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            return _json(body)
        case "application/x-www-form-urlencoded":
            return _json(_form_field(body))
        case other:
            raise Malformed(
                f"The content type is {other!r}: set the webhook's to application/json "
                "or application/x-www-form-urlencoded."
            )


def _form_field(body: bytes) -> bytes:
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError as error:
        raise Malformed(f"The body is not a form: {error}.") from error
    values = [value for name, value in fields if name == "payload"]
    if len(values) != 1:
        raise Malformed(f"The form has {len(values)} fields called payload: it needs one.")
    return values[0].encode()


def _json(text: bytes) -> Mapping[str, object]:
    try:
        payload = json.loads(text.decode(), parse_constant=_refuse)
    except RecursionError:
        raise Malformed("The payload is nested too deeply.") from None
    except ValueError as error:  # not UTF-8, not JSON, NaN, or a number of thousands of digits
        raise Malformed(f"The payload is not JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise Malformed("The payload is not an object.")
    return payload


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _object(payload: Mapping[str, object], field: str) -> Mapping[str, object] | None:
    value = payload.get(field)
    if value is not None and not isinstance(value, dict):
        raise Malformed(f"The payload's {field} is not an object.")
    return value


def _text(payload: Mapping[str, object], field: str) -> str:
    value = payload.get(field)
    if not isinstance(value, str):
        raise Malformed(f"The payload's {field} is missing, or is not text.")
    return value
