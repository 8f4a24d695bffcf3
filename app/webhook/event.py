"""Parses a webhook delivery: takes headers and bytes, and returns an event.

Nothing here makes a call, so a test can try every delivery that GitHub may send.
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
    """A branch was created, pushed to or deleted. The event does not say which, because a run observes that.

    Attributes:
        key: the branch's key; repository and branch are spelt as in the payload.
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
    """An event that no environment depends on.

    Attributes:
        repository: the repository's `owner/name`; `None` if the event belongs to no single repository.
        why: the reason, as a sentence.
    """

    repository: str | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Ping:
    """The event that GitHub sends when a webhook has been set up.

    Attributes:
        repository: the repository's `owner/name`; `None` for a webhook of an organisation or an app.
    """

    repository: str | None


class Malformed(Exception):
    """The delivery does not have the form that GitHub sends; the message says what is wrong with it."""


def parse(headers: Mapping[str, str], body: bytes) -> BranchChanged | Ignored | Ping:
    """Parse a delivery. The caller has already checked its signature.

    See https://docs.github.com/webhooks/webhook-events-and-payloads.

    Args:
        headers: the request's headers, whose names may have any case.
        body: the raw body.

    Returns:
        The event.

    Raises:
        Malformed: the delivery does not have the form that GitHub sends. No input raises anything else.
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
    """Return a header's value, whatever the case of its name.

    Args:
        headers: the request's headers.
        name: the header's name.

    Returns:
        The value; `None` if the header is missing.
    """
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def _payload(content_type: str, body: bytes) -> Mapping[str, object]:
    # The charset is ignored: JSON is always UTF-8, and so is the JSON that GitHub puts into a form.
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
    except ValueError as error:  # not UTF-8, not JSON, NaN, or a number with thousands of digits
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
