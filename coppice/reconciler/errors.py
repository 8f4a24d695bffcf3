"""What can go wrong outside, as types: an error keeps its face from the adapter that met it to the report
that tells it.

Adapters translate; nobody else invents these. `passing` says whether the same call may succeed later
without anyone's help: the loop answers `Waiting` to such an error and `Stalled` to the others.
"""

from typing import ClassVar


class Failure(Exception):
    """An outside system did not do what was asked.

    Args:
        message: what was asked, what was answered, and what to do next.
        retry_after: seconds after which the outside system asked to be called again, if it did.
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
    """No usable answer: refused, reset, timed out, cut short, or an error of the server's own (5xx)."""

    code = "unreachable"
    passing = True


class Throttled(Failure):
    """Too many requests; `retry_after` says how long to wait."""

    code = "throttled"
    passing = True


class Conflict(Failure):
    """The world moved since it was read: a lost race, a precondition that no longer holds, a write under
    way.
    """

    code = "conflict"
    passing = True


class Gone(Failure):
    """What the call needs is not there (any more)."""

    code = "gone"
    passing = True


class QuotaReached(Failure):
    """No room is left, and someone has to give some up or add some."""

    code = "quota_reached"
    passing = True


class Forbidden(Failure):
    """Signed in, but not allowed; or not signed in."""

    code = "forbidden"
    passing = False


class Rejected(Failure):
    """The request itself is not acceptable, however often it is sent."""

    code = "rejected"
    passing = False


class NotSetUp(Failure):
    """Something that an administrator sets up once is missing; the message has the command that makes it."""

    code = "not_set_up"
    passing = False
