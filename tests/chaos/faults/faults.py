"""The faults that can happen to one call, and the errors of each outside system."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from devtools.emulators.arm import errors as arm
from devtools.emulators.github import errors as github
from devtools.emulators.kubernetes import status as kubernetes
from devtools.emulators.queues.store import RefusedError
from devtools.emulators.queues.xml import error_xml


class Fault(StrEnum):
    """What happens to one call. Every fault except the first affects that call alone."""

    REFUSED = "connection refused"  # as is every later one to that system, until the run ends
    RESET = "reset, not done"
    LOST = "done, the answer lost"
    TIMEOUT = "timeout, not done"
    TRUNCATED = "done, the answer cut short"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    CONFLICT = "409"
    PRECONDITION_FAILED = "412"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    KILLED_BEFORE = "killed, not done"
    KILLED_AFTER = "killed, done"

    @property
    def status(self) -> int:
        """The HTTP status of the answer; 0 if the fault is not an HTTP error."""
        return int(self.value) if self.value.isdigit() else 0

    @property
    def kills(self) -> bool:
        """Whether the fault kills the process."""
        return self in {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP response of a system."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Injection:
    """A fault, and the number of the call that it happens to."""

    fault: Fault
    at: int


RETRY_AFTER = 7  # seconds, of a system that throttles


def refusal(system: str, status: int) -> Answer:
    """An error response in a system's own shape.

    Args:
        system: `arm`, `github`, `kubernetes` or `queue`.
        status: the HTTP status.
    """
    kind, body = _SHAPES[system](status)
    headers = [("content-type", kind)]
    if status == 429:
        headers.append(("retry-after", str(RETRY_AFTER)))
    return Answer(status=status, headers=tuple(headers), body=body)


def _json(document: object) -> tuple[str, bytes]:
    return "application/json", json.dumps(document).encode()


def _of_queue(status: int) -> tuple[str, bytes]:
    code = {404: "QueueNotFound", 503: "ServerBusy"}.get(status, "InternalError")
    return "application/xml", error_xml(RefusedError(status, code, "As the test asked."))


_SHAPES: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "arm": lambda status: _json(arm.failure_body(status, "")),
    "github": lambda status: _json(github.failure_body(status, "")),
    "kubernetes": lambda status: _json(kubernetes.failure(status)),
    "queue": _of_queue,
}
