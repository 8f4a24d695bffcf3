"""Unpacks a repository's archive into memory.

One request fetches the whole tree at a commit. Nothing of it is written to disk before it is checked, so a
malicious archive cannot write outside its folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from coppice.manifests.rejection import Refusal, Rejection
from coppice.manifests.tar_reader import FILE, FOLDER, LINKS, Archive, Damaged, Member
from coppice.reconciler.errors import Unreachable

Tree = Mapping[str, bytes]
"""POSIX path relative to the repository's root → content of the file."""

# In bytes. Linux allows 255 for one part of a path, and 4096 for a whole path; files are written below a
# temporary folder, so less than that is accepted.
_MAX_NAME, _MAX_PATH = 255, 1_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much an archive may hold.

    Attributes:
        archive_bytes: size of everything unpacked, also outside the folder of the manifests.
        entries: number of files and folders, also outside that folder; one with a long path counts twice.
        files: number of files and links in that folder.
        file_bytes: size of one of these files.
        tree_bytes: size of all these files.
    """

    archive_bytes: int = 256 * 1024 * 1024
    entries: int = 100_000
    files: int = 2_000
    file_bytes: int = 1024 * 1024
    tree_bytes: int = 16 * 1024 * 1024


LIMITS = Limits()

# https://git-scm.com/docs/gitattributes#_export_ignore: only archives respect this attribute.
_MISSING = (
    "the archive of this commit holds no file of this folder: it is not committed, MANIFESTS_PATH is "
    "another, or `export-ignore` in .gitattributes keeps it out of archives"
)
_HINT = "keep what overlays do not use outside of MANIFESTS_PATH"


def unpack(archive: bytes, *, under: str, limits: Limits = LIMITS) -> Tree:
    """Unpack the files of one folder of a repository.

    Entries outside that folder are ignored. In the folder only regular files are accepted. Links are refused
    even if they point to a file in the folder, because a copy of the file does the same and can be checked.

    Args:
        archive: a tar.gz whose single top folder holds the repository, as GitHub makes it.
        under: the folder, relative to the repository's root; empty or `.` for all of the repository.
        limits: how much the archive may hold.

    Returns:
        The files of the folder. Their paths include the folder.

    Raises:
        Rejection: the archive exceeds a limit, lacks the folder, or has an entry there that is no file.
        Unreachable: the bytes are no archive, or an incomplete one.
    """
    folder = "/".join(part for part in PurePosixPath(under).parts if part != "/")
    try:
        files = _read(
            Archive(archive, max_bytes=limits.archive_bytes, max_headers=limits.entries), folder, limits
        )
    except Damaged as error:
        # GitHub makes the archive, so the branch is not to blame: another request may succeed.
        raise Unreachable(f"the archive of the commit arrived damaged ({error})") from error
    if not files:
        raise Rejection((Refusal(folder or "archive", _MISSING),))
    # Sorted by the parts of their paths, a folder is directly followed by what is in it.
    sorted_pairs = pairwise(sorted(files, key=lambda path: path.split("/")))
    conflicts = tuple(
        Refusal(path, f"lies below {parent}, which is a file")
        for parent, path in sorted_pairs
        if path.startswith(f"{parent}/")
    )
    if conflicts:
        raise Rejection(conflicts)
    return files


def _read(archive: Archive, folder: str, limits: Limits) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    refusals: list[Refusal] = []
    count = size = 0
    for member in archive.members():
        path = _path(member)
        if member.kind == FOLDER or not _is_in_folder(path, folder, link=member.kind in LINKS):
            continue
        count += 1
        size += member.size
        _enforce("archive", f"files of manifests; {_HINT}", count, limits.files)
        _enforce("archive", f"bytes of manifests; {_HINT}", size, limits.tree_bytes)
        _enforce(_printable(path), f"bytes; {_HINT}", member.size, limits.file_bytes)
        reason = _reason(member, path) or ("is in the archive twice" if path in files else "")
        if reason:
            refusals.append(Refusal(_printable(path), reason))
            continue
        files[path] = archive.content()
    if refusals:
        raise Rejection(tuple(refusals))
    return files


def _path(member: Member) -> str:
    parts = member.name.split("/")
    if member.kind == FOLDER and len(parts) > 1 and not parts[-1]:
        parts.pop()
    if not {"", ".", ".."}.isdisjoint(parts):
        reason = "is no path that Git can make; the archive is not taken"
        raise Rejection((Refusal(ascii(member.name)[:200], reason),))
    return "/".join(parts[1:])


def _printable(path: str) -> str:
    return (path if path.isprintable() else ascii(path))[:_MAX_PATH]


def _is_in_folder(path: str, folder: str, *, link: bool) -> bool:
    """Whether an entry is in the folder, or is a link in place of the folder or of one above it."""
    if not folder or path.startswith(f"{folder}/"):
        return True
    return link and f"{folder}/".startswith(f"{path}/")


def _enforce(subject: str, unit: str, number: int, limit: int) -> None:
    if number > limit:
        raise Rejection((Refusal(subject, f"holds more than {limit} {unit}"),))


def _reason(member: Member, path: str) -> str:
    """Why an entry is refused; empty if it is not."""
    if member.kind in LINKS:
        return f"is a link to {member.link[:200]!r}; commit a copy of the file instead"
    if member.kind != FILE:
        return "is neither a file nor a folder"
    if not path.isprintable() or len(path.encode()) > _MAX_PATH:
        return "has a name that is too long or holds unprintable characters"
    if any(len(part.encode()) > _MAX_NAME for part in path.split("/")):
        return "has a name that is too long or holds unprintable characters"
    return ""
