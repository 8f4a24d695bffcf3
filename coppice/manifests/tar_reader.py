"""Reads tar archives of the form that Git writes, and no others.

The standard library's reader accepts every variant of tar. It copies the records of a global header to every
member after it, so a small archive can fill the memory. Git writes ustar members, one global header with a
comment, and an extended header for a path or link target that is too long for a ustar header
(https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html). This module reads only these, in time
linear in the size of the archive.
"""

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from coppice.manifests.rejection import Refusal, Rejection

FILE, LINKS, FOLDER = b"0", (b"1", b"2"), b"5"
_KINDS = frozenset({FILE, *LINKS, b"3", b"4", FOLDER, b"6"})  # 3, 4 and 6: devices and pipes
_EXTENDED_HEADER, _GLOBAL_HEADER = b"x", b"g"

_BLOCK = 512
_END = bytes(_BLOCK)
_PACKED, _UNPACKED = 16 * 1024, 64 * 1024  # bytes per step
_MAX_HEADER_BYTES, _MAX_ALL_HEADER_BYTES = 16 * 1024, 16 * 1024 * 1024
_NUMBER = re.compile(rb" *([0-7]{1,12})[ \0]*")
_RECORD = re.compile(rb"([1-9][0-9]{0,4}) (comment|linkpath|path|size)=")
_SIZE = re.compile(rb"[0-9]{1,15}")
EXPORT_IGNORE_HINT = "`export-ignore` in .gitattributes keeps what is not for environments out of archives"


class Damaged(Exception):
    """The bytes are no archive, or an incomplete one."""


class Member(NamedTuple):
    """An entry of an archive.

    Attributes:
        name: its path, as it is written.
        kind: one of the constants of this module, or another kind of tar.
        size: the size of its content in bytes.
        link: its target, if it is a link.
    """

    name: str
    kind: bytes
    size: int
    link: str


class Archive:
    """A tar.gz that is read once, from its beginning to its end.

    Args:
        packed: the compressed bytes.
        max_bytes: how many bytes may be unpacked.
        max_headers: how many headers it may have. Each member has one, and a second one if its path is long.
    """

    def __init__(self, packed: bytes, *, max_bytes: int, max_headers: int) -> None:
        self._stream = _Stream(packed, max_bytes)
        self._max_headers = self._headers_left = max_headers
        self._extended_bytes = 0
        self._unread = self._padding = 0

    def members(self) -> Iterator[Member]:
        """Read the members one by one. `content` reads the content of the last one.

        Yields:
            Each member.

        Raises:
            Rejection: the archive exceeds a limit, or has something that Git does not write.
            Damaged: the bytes are no archive, or an incomplete one.
        """
        records: dict[bytes, bytes] | None = None
        while (block := self._header()) != _END:
            kind = block[156:157].replace(b"\0", FILE)
            if kind in {_EXTENDED_HEADER, _GLOBAL_HEADER}:
                if records is not None:
                    raise _unknown("header")
                found = self._records(_number(block[124:136]))
                if kind == _GLOBAL_HEADER and found.keys() - {b"comment"}:
                    raise _unknown("header")
                records = found if kind == _EXTENDED_HEADER else None
                continue
            if kind not in _KINDS:
                raise _unknown("member")
            yield self._member(block, kind, records or {})
            records = None
        if records is not None:
            raise Damaged("it breaks off")
        self._stream.finish()

    def content(self) -> bytes:
        """The content of the member that was read last."""
        size, self._unread = self._unread, 0
        return self._stream.take(size)

    def _header(self) -> bytes:
        self._stream.skip(self._unread + self._padding)
        self._unread = self._padding = 0
        block = self._stream.take(_BLOCK)
        if block == _END:
            return block
        self._headers_left -= 1
        if self._headers_left < 0:
            reason = f"holds more than {self._max_headers} entries; {EXPORT_IGNORE_HINT}"
            raise Rejection((Refusal("archive", reason),))
        # The checksum is computed with blanks in place of the checksum field.
        if block[257:263] != b"ustar\0" or sum(block) - sum(block[148:156]) + 8 * 32 != _number(
            block[148:156]
        ):
            raise Damaged("it has a header that is none")
        return block

    def _records(self, size: int) -> dict[bytes, bytes]:
        self._extended_bytes += size
        if size > _MAX_HEADER_BYTES or self._extended_bytes > _MAX_ALL_HEADER_BYTES:
            raise Rejection((Refusal("archive", "has headers that are longer than any path"),))
        body, at = self._stream.take(size), 0
        self._stream.skip(-size % _BLOCK)
        found: dict[bytes, bytes] = {}
        while at < size:
            record = _RECORD.match(body, at)
            end = at + int(record[1]) if record else 0
            if record is None or not record.end() < end <= size or body[end - 1 : end] != b"\n":
                raise _unknown("header")
            if record[2] in found:
                raise _unknown("header")
            found[record[2]] = body[record.end() : end - 1]
            at = end
        return found

    def _member(self, block: bytes, kind: bytes, records: dict[bytes, bytes]) -> Member:
        size = _number(block[124:136])
        if (given := records.get(b"size")) is not None:
            if not _SIZE.fullmatch(given):
                raise _unknown("header")
            size = int(given)
        if size and kind != FILE:
            raise _unknown("member")
        name, prefix = _text(block[:100]), _text(block[345:500])
        name = records.get(b"path") or (prefix + b"/" + name if prefix else name)
        link = records.get(b"linkpath") or _text(block[157:257])
        self._unread, self._padding = size, -size % _BLOCK
        return Member(_decoded(name), kind, size, _decoded(link))


class _Stream:
    """The unpacked bytes, counted so that a decompression bomb is refused before it fills the memory."""

    def __init__(self, packed: bytes, max_bytes: int) -> None:
        self._packed, self._packed_at = packed, 0
        self._inflate = zlib.decompressobj(wbits=31)  # gzip, with its checksum
        self._max_bytes = self._left = max_bytes
        self._held, self._at = b"", 0

    def take(self, size: int) -> bytes:
        """Read a number of bytes."""
        self._check_size(size)
        begin, end = self._at, self._at + size
        if end > len(self._held):
            held = [self._held[begin:]]
            missing = end - len(self._held)
            while missing > 0:
                held.append(self._more())
                missing -= len(held[-1])
            self._held, begin, end = b"".join(held), 0, size
        self._at = end
        return self._held[begin:end]

    def skip(self, size: int) -> None:
        """Skip a number of bytes."""
        self._check_size(size)
        self._at += size
        while self._at > len(self._held):
            self._at -= len(self._held)
            self._held = self._more()

    def finish(self) -> None:
        """Read to the checksum at the end: in a truncated tree, the missing files would look deleted.

        Raises:
            Damaged: the checksum does not match, or other bytes follow it.
        """
        while not self._inflate.eof:
            self._held, self._at = self._inflated(), 0
        rest = self._inflate.unused_data or self._piece()
        while rest:
            if rest.strip(b"\0"):
                raise Damaged("something comes behind its end")
            rest = self._piece()

    def _check_size(self, size: int) -> None:
        """Refuse a size above the limit before anything is unpacked: headers may announce any size."""
        if size > self._left + len(self._held) - self._at:
            raise self._too_large()

    def _more(self) -> bytes:
        while not self._inflate.eof:
            if found := self._inflated():
                return found
        raise Damaged("it breaks off")

    def _inflated(self) -> bytes:
        piece = self._inflate.unconsumed_tail or self._piece()
        try:
            found = self._inflate.decompress(piece, _UNPACKED)
        except zlib.error as error:
            raise Damaged(str(error)) from error
        if not piece and not found and not self._inflate.eof:
            raise Damaged("it breaks off")
        self._left -= len(found)
        if self._left < 0:
            raise self._too_large()
        return found

    def _piece(self) -> bytes:
        piece = self._packed[self._packed_at : self._packed_at + _PACKED]
        self._packed_at += len(piece)
        return piece

    def _too_large(self) -> Rejection:
        reason = f"unpacks to more than {self._max_bytes} bytes; {EXPORT_IGNORE_HINT}"
        return Rejection((Refusal("archive", reason),))


def _unknown(what: str) -> Rejection:
    return Rejection((Refusal("archive", f"has a {what} that Git does not write"),))


def _number(field: bytes) -> int:
    found = _NUMBER.fullmatch(field)
    if found is None:
        raise Damaged("it has a header that is none")
    return int(found[1], 8)


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
