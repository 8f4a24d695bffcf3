"""What Git writes is read, and nothing else is."""

import gzip
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from coppice.manifests.archive import unpack
from tests.unit.provisioning.test_archive import GOOD, archive, damaged_on_its_way, entry, refused


def test_what_git_itself_writes_is_read(tmp_path: Path) -> None:
    """Short paths, those that are split over two fields, and those that have a record; and so of targets."""
    lengths = (20, 150, 400)
    paths = ["manifests/" + "folder/" * (length // 7) + "ü.yaml" for length in lengths]
    for path in [*paths, "src/a"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    for number, length in enumerate(lengths):
        (tmp_path / f"src/link-{number}").symlink_to("y" * min(length, 200))
    person = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*person, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    packed = subprocess.run(
        ["git", "archive", "--format=tar.gz", "--prefix=acme-todo-1a2b3c/", "HEAD"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    ).stdout
    assert unpack(packed, under="manifests") == {path: path.encode() for path in paths}
    assert "link to 'yyy" in refused(packed, under="")


def test_a_chain_of_extended_headers_is_not_read() -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    packed = gzip.compress(header.tobuf() * 5000)
    assert "a header that Git does not write" in refused(packed)


def further(kind: bytes, payload: bytes) -> bytes:
    header = entry("pax", kind)
    header.size = len(payload)
    packed = header.tobuf() + payload + bytes(-len(payload) % 512)
    return gzip.compress(packed + entry("repository/manifests/a", tarfile.REGTYPE).tobuf() + bytes(1024))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_that_is_longer_than_any_path_is_not_read(kind: bytes) -> None:
    assert "longer than any path" in refused(further(kind, b"1" * 2_000_000))


def test_a_header_that_takes_long_to_read_is_not_read() -> None:
    """CVE-2024-6232: the time grew with the square of a row of digits."""
    started = time.monotonic()
    assert "has a header that Git does not write" in refused(further(tarfile.XHDTYPE, b"1" * 16_000))
    assert time.monotonic() - started < 1


def test_a_sparse_file_is_not_read() -> None:
    assert "Git does not write" in refused(further(tarfile.XHDTYPE, b"22 GNU.sparse.major=1\n"))
    assert "Git does not write" in refused(archive(entry("repository/manifests/a", tarfile.GNUTYPE_SPARSE)))


def test_a_member_of_a_negative_size_is_no_archive_of_git() -> None:
    assert "Git does not write" in refused(further(tarfile.XHDTYPE, b"19 size=-100000000\n"))


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.SOLARIS_XHDTYPE]
)
def test_headers_of_other_programs_are_not_read(kind: bytes) -> None:
    assert "a member that Git does not write" in refused(further(kind, b"a" * 300))


@pytest.mark.parametrize(
    "payload",
    [b"13 path=a/b/c", b"8 path=a\n", b"99 path=a\n", b"11 mtime=1\n", b"9 path=a\n9 path=a\n", b"1" * 99],
)
def test_a_record_that_is_none_or_another_is_not_read(payload: bytes) -> None:
    assert "a header that Git does not write" in refused(further(tarfile.XHDTYPE, payload))


def test_what_is_said_of_all_members_is_a_comment_and_no_path() -> None:
    assert unpack(further(tarfile.XGLTYPE, b"13 comment=x\n"), under="manifests") == {"manifests/a": b""}
    reason = refused(further(tarfile.XGLTYPE, b"24 path=top/manifests/b\n"))
    assert "a header that Git does not write" in reason


def test_a_folder_has_no_content() -> None:
    folder = entry("top/manifests", tarfile.DIRTYPE)
    folder.size = 512
    assert "a member that Git does not write" in refused(archive(folder, GOOD))


def test_a_path_is_no_longer_than_it_can_be_laid_out() -> None:
    path = "manifests/" + "a/" * 494 + "b"
    assert unpack(archive((f"{path}b", b"x")), under="manifests") == {f"{path}b": b"x"}
    assert "too long" in refused(archive((f"{path}bb", b"x")))


def test_what_comes_behind_the_end_is_no_archive_of_git() -> None:
    assert damaged_on_its_way(archive(GOOD) + archive(GOOD))
    assert unpack(archive(GOOD) + bytes(100), under="manifests") == dict([GOOD])


def test_what_comes_behind_a_whole_piece_is_seen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = archive(GOOD)
    monkeypatch.setattr("coppice.manifests.tar_reader._PACKED", len(packed))
    assert damaged_on_its_way(packed + b"x")
    assert unpack(packed + bytes(9), under="manifests") == dict([GOOD])
