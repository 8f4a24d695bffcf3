"""A repository's archive, unpacked into memory.

One request brings the whole tree at a commit. Nothing of it touches the disk before it was looked at, so that
a hostile archive has nowhere to escape to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from coppice.manifests.rejection import Refusal, Rejection
from coppice.manifests.tar_reader import FILE, FOLDER, LINKS, Archive, Damaged, Member
from coppice.reconciler.errors import Unreachable

Tree = Mapping[str, bytes]
"""Files by their POSIX path relative to the repository's root."""

# Bytes: what Linux takes for one part of a path, and less than it takes for a whole one (4096), since files
# are laid out below a folder.
_LONGEST_NAME, _LONGEST_PATH = 255, 1_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much an archive may hold.

    Attributes:
        archive_bytes: all that is unpacked, what lies outside the wanted folder included.
        entries: number of files and folders, those outside included; one with a long path counts twice.
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
        files = _read(
            Archive(archive, most_bytes=limits.archive_bytes, most_headers=limits.entries), folder, limits
        )
    except Damaged as error:
        # GitHub makes it, and not the branch: what came is damaged, and comes whole another time.
        raise Unreachable(f"the archive of the commit arrived damaged ({error})") from error
    if not files:
        raise Rejection((Refusal(folder or "archive", _MISSING),))
    # Among names in the order of their parts a folder is followed at once by what lies in it.
    in_order = pairwise(sorted(files, key=lambda path: path.split("/")))
    clashes = tuple(
        Refusal(path, f"lies below {above}, which is a file")
        for above, path in in_order
        if path.startswith(f"{above}/")
    )
    if clashes:
        raise Rejection(clashes)
    return files


def _read(archive: Archive, folder: str, limits: Limits) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    refusals: list[Refusal] = []
    count = size = 0
    for member in archive.members():
        path = _path(member)
        if member.kind == FOLDER or not _concerns(path, folder, link=member.kind in LINKS):
            continue
        count += 1
        size += member.size
        _hold("archive", f"files of manifests; {_ELSEWHERE}", count, limits.files)
        _hold("archive", f"bytes of manifests; {_ELSEWHERE}", size, limits.tree_bytes)
        _hold(_shown(path), f"bytes; {_ELSEWHERE}", member.size, limits.file_bytes)
        reason = _unwanted(member, path) or ("is in the archive twice" if path in files else "")
        if reason:
            refusals.append(Refusal(_shown(path), reason))
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


def _shown(path: str) -> str:
    return (path if path.isprintable() else ascii(path))[:_LONGEST_PATH]


def _concerns(path: str, folder: str, *, link: bool) -> bool:
    if not folder or path.startswith(f"{folder}/"):
        return True
    return link and f"{folder}/".startswith(f"{path}/")  # the folder itself, or one above it


def _hold(what: str, things: str, number: int, limit: int) -> None:
    if number > limit:
        raise Rejection((Refusal(what, f"holds more than {limit} {things}"),))


def _unwanted(member: Member, path: str) -> str:
    if member.kind in LINKS:
        return f"is a link to {member.link[:200]!r}; commit a copy of the file instead"
    if member.kind != FILE:
        return "is neither a file nor a folder"
    if not path.isprintable() or len(path.encode()) > _LONGEST_PATH:
        return "has a name that is too long or holds unprintable characters"
    if any(len(part.encode()) > _LONGEST_NAME for part in path.split("/")):
        return "has a name that is too long or holds unprintable characters"
    return ""
