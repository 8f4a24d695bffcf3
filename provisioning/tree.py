"""A repository's archive, unpacked into memory.

One request brings the whole tree at a commit. Nothing of it touches the disk before it was looked at, so that
a hostile archive has nowhere to escape to.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from loop.errors import Unreachable
from provisioning.refusal import Refusal, Refused

Tree = Mapping[str, bytes]
"""Files by their POSIX path relative to the repository's root."""

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(_BLOCK)  # an archive ends in blocks of zeros
# Headers that say more of the member behind them. tarfile reads each into memory whole, and some Pythons look
# for numbers in it in a time that grows with its square (CVE-2024-6232).
_FURTHER = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME)
_FURTHER_BYTES, _ALL_FURTHER_BYTES = 16 * 1024, 16 * 1024 * 1024
_NUMBER = re.compile(rb"[0-9]{41}")
_LONGEST_NAME = 255  # bytes; what Linux takes for one part of a path

# What the standard library raises for bytes that are no archive. A chain of extended headers recurses.
_UNREADABLE = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much an archive may hold.

    Attributes:
        archive_bytes: all that is unpacked, what lies outside the wanted folder included.
        entries: number of files and folders, those outside included.
        files: number of files (and links) in the wanted folder.
        file_bytes: size of one of them.
        tree_bytes: size of all of them.
    """

    archive_bytes: int = 256 * 1024 * 1024
    entries: int = 100_000
    files: int = 2_000
    file_bytes: int = 1024 * 1024
    tree_bytes: int = 16 * 1024 * 1024


LIMITS = Limits()

# https://git-scm.com/docs/gitattributes#_export_ignore: archives are the only thing that heeds it.
_MISSING = (
    "the archive of this commit holds no file of this folder: it is not committed, MANIFESTS_PATH is "
    "another, or `export-ignore` in .gitattributes keeps it out of archives"
)
SMALLER = "`export-ignore` in .gitattributes keeps what is not for environments out of archives"
_ELSEWHERE = "keep what overlays do not use outside of MANIFESTS_PATH"


def unpack(archive: bytes, *, under: str, limits: Limits = LIMITS) -> Tree:
    """Unpack the files of one folder of a repository.

    What lies outside that folder is passed over, whatever it is. In it only plain files are taken: links are
    refused even where they point to another file in it, since a copy says the same and can be judged.

    Args:
        archive: a tar.gz whose single top folder holds the repository, as GitHub makes it.
        under: the wanted folder, relative to the repository's root; empty or `.` for all of it.
        limits: how much the archive may hold.

    Returns:
        The folder's files. Their paths include the folder.

    Raises:
        Refused: it exceeds a limit, lacks the folder, or has more in it than files.
        Unreachable: it is no archive, or not a whole one.
    """
    folder = "/".join(part for part in PurePosixPath(under).parts if part != "/")
    try:
        files = _read(_Stream(archive, limits.archive_bytes), folder, limits)
    except _UNREADABLE as error:
        # GitHub makes it, and not the branch: what came is damaged, and comes whole another time.
        reason = f"{type(error).__name__}: {str(error)[:200]!r}"
        raise Unreachable(f"the archive of the commit arrived damaged ({reason})") from error
    if not files:
        raise Refused((Refusal(folder or "archive", _MISSING),))
    clashes = tuple(
        Refusal(path, f"lies below {parent}, which is a file")
        for path in files
        for parent in map(str, PurePosixPath(path).parents)
        if parent in files
    )
    if clashes:
        raise Refused(clashes)
    return files


class _Stream(gzip.GzipFile):
    """The unpacked bytes, counted, so that a bomb goes off before it fills the memory."""

    def __init__(self, archive: bytes, limit: int) -> None:
        super().__init__(fileobj=io.BytesIO(archive))
        self._limit = self._left = limit
        self._last = b""
        self._header, self._expected = b"", 0
        self._further = 0

    def expect(self, size: int) -> None:
        """A further header of this size comes next."""
        self._further += size
        if not 0 <= size <= _FURTHER_BYTES or self._further > _ALL_FURTHER_BYTES:
            raise Refused((Refusal("archive", "has headers that are longer than any path"),))
        self._header, self._expected = b"", size

    def read(self, size: int | None = -1) -> bytes:
        """Read as usual, up to the limit."""
        self._last = super().read(size)
        self._left -= len(self._last)
        if self._left < 0:
            raise Refused((Refusal("archive", f"unpacks to more than {self._limit} bytes; {SMALLER}"),))
        if self._expected > 0:
            self._judge_header()
        return self._last

    def _judge_header(self) -> None:
        self._header += self._last
        self._expected -= len(self._last)
        if self._expected <= 0 and (_NUMBER.search(self._header) or b"GNU.sparse" in self._header):
            raise Refused((Refusal("archive", "has a header that Git does not write"),))

    def finish(self) -> None:
        """Read on to the checksum, having made sure that the archive came to its end.

        `tarfile` takes a damaged header for the end, and half a tree would later look like files deleted.
        """
        if self._last != _END:
            raise tarfile.ReadError("it breaks off or is damaged")
        while self.read(64 * 1024):
            pass


def _read(stream: _Stream, folder: str, limits: Limits) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    refusals: list[Refusal] = []
    count = size = 0
    # One block at a time, so that the last one read is the one that ended the archive.
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK, tarinfo=_judging(stream)) as tar:
        for number, member in enumerate(tar, start=1):
            _hold("archive", f"entries; {SMALLER}", number, limits.entries)
            path = _path(member.name)
            if member.isdir() or not _concerns(path, folder, link=member.issym() or member.islnk()):
                continue
            count += 1
            size += max(member.size, 0)
            _hold("archive", f"files of manifests; {_ELSEWHERE}", count, limits.files)
            _hold("archive", f"bytes of manifests; {_ELSEWHERE}", size, limits.tree_bytes)
            _hold(ascii(path), f"bytes; {_ELSEWHERE}", member.size, limits.file_bytes)
            reason = _unwanted(member, path) or ("is in the archive twice" if path in files else "")
            if reason:
                refusals.append(Refusal(path if path.isprintable() else ascii(path), reason))
                continue
            content = tar.extractfile(member)
            files[path] = content.read() if content else b""
        stream.finish()
    if refusals:
        raise Refused(tuple(refusals))
    return files


def _judging(stream: _Stream) -> type[tarfile.TarInfo]:
    """What reads members, and has the stream look at what comes before some of them."""

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            found = super().frombuf(buf, encoding, errors)
            if found.type in (*_FURTHER, tarfile.GNUTYPE_LONGLINK):
                stream.expect(found.size)
            elif found.size < 0 or found.type == tarfile.GNUTYPE_SPARSE:
                raise Refused((Refusal("archive", "has a member that Git does not write"),))
            return found

    return Member


def _path(name: str) -> str:
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        raise Refused((Refusal(ascii(name), "is no path that Git can make; the archive is not taken"),))
    return "/".join(parts[1:])


def _concerns(path: str, folder: str, *, link: bool) -> bool:
    if not folder or path.startswith(f"{folder}/"):
        return True
    return link and f"{folder}/".startswith(f"{path}/")  # the folder itself, or one above it


def _hold(what: str, things: str, number: int, limit: int) -> None:
    if number > limit:
        raise Refused((Refusal(what, f"holds more than {limit} {things}"),))


def _unwanted(member: tarfile.TarInfo, path: str) -> str:
    if member.issym() or member.islnk():
        return f"is a link to {member.linkname[:200]!r}; commit a copy of the file instead"
    if not member.isreg() or member.size < 0:
        return "is neither a file nor a folder"
    if not path.isprintable() or any(len(part.encode()) > _LONGEST_NAME for part in path.split("/")):
        return "has a name that is too long or holds unprintable characters"
    return ""
