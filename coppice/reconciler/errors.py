"""Typed errors of outside systems. An error keeps its type from the adapter to the report.

Adapters translate the errors of outside systems into these types. The core creates a few of them itself, for
example `Conflict` for a lock that another run holds. `passing` says whether the same call may succeed later
without anyone's help. A run that fails ends with `Waiting` if all its errors are passing, else with
`Stalled`.
"""

from typing import ClassVar


class Failure(Exception):
    """An outside system did not do what was asked.

    Args:
        message: what was asked, what was answered, and what to do next.
        retry_after: after how many seconds to call again, if the outside system said so.
    """

    code: ClassVar[str]
    passing: ClassVar[bool]

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The message, without the type's name."""
        return str(self.args[0])


class Unreachable(Failure):
    """There was no usable answer: the call was refused, reset, timed out, cut short, or answered with 5xx."""

    code = "unreachable"
    passing = True


class Throttled(Failure):
    """There were too many requests; `retry_after` says how long to wait."""

    code = "throttled"
    passing = True


class Conflict(Failure):
    """The state changed after it was read: a race was lost, a precondition no longer holds, or a write is in
    progress.
    """

    code = "conflict"
    passing = True


class Gone(Failure):
    """Something that the call needs does not exist, or no longer exists."""

    code = "gone"
    passing = True


class QuotaReached(Failure):
    """A limit is reached: something has to be removed, or the limit has to be raised."""

    code = "quota_reached"
    passing = True


class Forbidden(Failure):
    """The caller is not signed in, or is not allowed to make this call."""

    code = "forbidden"
    passing = False


class Rejected(Failure):
    """The request itself is not acceptable, however often it is sent."""

    code = "rejected"
    passing = False


class NotSetUp(Failure):
    """Something that an administrator sets up once is missing; the message has the command for it."""

    code = "not_set_up"
    passing = False
