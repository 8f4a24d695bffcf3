"""One clock for several processes, which goes only when somebody moves it.

The program, its queue and the cluster all go by it. So sixty seconds of a dead holder's lease are over at
once, and a test that is repeated sees the same times.
"""

import mmap
import struct
from datetime import UTC, datetime
from pathlib import Path

_BEGINNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC).timestamp()
_SECONDS, _HURRY = struct.Struct("d"), struct.Struct("?")


class Clock:
    """A clock that lives in a file; whoever opens it reads the same time.

    Args:
        file: where it lives; it is made if it is not there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            file.write_bytes(_SECONDS.pack(_BEGINNING) + _HURRY.pack(False))
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), 0)

    def seconds(self) -> float:
        """The time in seconds since 1970."""
        seconds: float = _SECONDS.unpack_from(self._shared)[0]
        return seconds

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    @property
    def hurried(self) -> bool:
        """Whether the next call is one that nobody will answer, and not worth half a minute of a test's."""
        hurried: bool = _HURRY.unpack_from(self._shared, _SECONDS.size)[0]
        return hurried

    def hurry(self, *, hurried: bool) -> None:
        """Say so, or that it is not."""
        _HURRY.pack_into(self._shared, _SECONDS.size, hurried)

    def set(self, seconds: float) -> None:
        """Turn it to a time."""
        _SECONDS.pack_into(self._shared, 0, seconds)

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.set(self.seconds() + seconds)
