"""One clock for several processes, which only advances when a test advances it.

The program, its queue and the cluster use it. So the sixty seconds of a dead holder's lease pass at once, and
a repeated test has the same times.
"""

import mmap
import struct
from datetime import UTC, datetime
from pathlib import Path

_BEGINNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC).timestamp()
_SECONDS, _SHORT_TIMEOUT = struct.Struct("d"), struct.Struct("?")


class Clock:
    """A clock in a shared file; every process that opens it reads the same time.

    Args:
        file: the file; it is created if it does not exist.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            file.write_bytes(_SECONDS.pack(_BEGINNING) + _SHORT_TIMEOUT.pack(False))
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
    def short_timeout(self) -> bool:
        """Whether the next call gets no answer; then the program's timeout is short."""
        short_timeout: bool = _SHORT_TIMEOUT.unpack_from(self._shared, _SECONDS.size)[0]
        return short_timeout

    def use_short_timeout(self, *, short_timeout: bool) -> None:
        """Set `short_timeout`."""
        _SHORT_TIMEOUT.pack_into(self._shared, _SECONDS.size, short_timeout)

    def set(self, seconds: float) -> None:
        """Set the time."""
        _SECONDS.pack_into(self._shared, 0, seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.set(self.seconds() + seconds)
