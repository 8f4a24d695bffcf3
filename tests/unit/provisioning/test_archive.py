import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coppice.manifests.archive import Limits, unpack
from coppice.manifests.rejection import Rejection
from coppice.manifests.tar_reader import _Stream
from coppice.reconciler.errors import Unreachable


def archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    """A tar.gz as GitHub makes it, of files (path, content) or of whatever entry is given."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                entry = tarfile.TarInfo(f"acme-todo-1a2b3c/{member[0]}")
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
    return packed.getvalue()


def entry(path: str, kind: bytes, *, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type = kind
    member.linkname = target
    return member


def refused(packed: bytes, *, under: str = "manifests", limits: Limits | None = None) -> str:
    with pytest.raises(Rejection) as caught:
        unpack(packed, under=under, limits=limits or Limits())
    return str(caught.value)


def damaged_on_its_way(packed: bytes) -> bool:
    with pytest.raises(Unreachable, match="arrived damaged"):
        unpack(packed, under="manifests")
    return True


GOOD = ("manifests/base/web.yaml", b"kind: Deployment\n")


def test_only_the_wanted_folder_is_kept_under_its_path_in_the_repository() -> None:
    packed = archive(
        entry("acme-todo-1a2b3c/manifests", tarfile.DIRTYPE),
        GOOD,
        ("src/main.py", b"pass"),
        ("manifests-old/a", b""),
    )
    assert unpack(packed, under="manifests") == {"manifests/base/web.yaml": b"kind: Deployment\n"}


@pytest.mark.parametrize("under", ["", ".", "/"])
def test_the_whole_repository_may_be_the_folder(under: str) -> None:
    assert set(unpack(archive(GOOD, ("README.md", b"")), under=under)) == {
        "manifests/base/web.yaml",
        "README.md",
    }


@pytest.mark.parametrize("under", ["deploy/manifests/", "./deploy/manifests"])
def test_the_folder_may_lie_deep_and_be_written_loosely(under: str) -> None:
    assert set(unpack(archive(("deploy/manifests/a", b"")), under=under)) == {"deploy/manifests/a"}


def test_a_long_path_survives() -> None:
    path = "manifests/" + "deep/" * 60 + "web.yaml"
    assert unpack(archive((path, b"x")), under="manifests") == {path: b"x"}


def test_a_commit_without_the_folder_is_refused() -> None:
    reason = refused(archive(("src/main.py", b"pass")))
    assert "manifests: the archive of this commit holds no file of this folder" in reason
    assert "export-ignore" in reason


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "top/../manifests/x", "top/manifests/../../x", "top/./x", "top//x"]
)
def test_a_path_that_is_not_plain_is_refused_wherever_it_leads(name: str) -> None:
    assert "no path that Git can make" in refused(archive(GOOD, entry(name, tarfile.REGTYPE)))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "web.yaml"])
def test_a_link_among_the_manifests_is_refused_by_name_wherever_it_points(kind: bytes, target: str) -> None:
    link = entry("top/manifests/base/link.yaml", kind, target=target)
    assert "manifests/base/link.yaml: is a link to" in refused(archive(GOOD, link))


def test_the_folder_itself_may_not_be_a_link_nor_lie_below_one() -> None:
    assert "deploy/manifests: is a link" in refused(
        archive(entry("top/deploy/manifests", tarfile.SYMTYPE, target="../k8s")), under="deploy/manifests"
    )
    assert "deploy: is a link" in refused(
        archive(entry("top/deploy", tarfile.SYMTYPE, target="k8s")), under="deploy/manifests"
    )


def test_links_and_oddities_elsewhere_in_the_repository_are_nobodys_business() -> None:
    packed = archive(
        entry("top/docs/latest", tarfile.SYMTYPE, target="/etc/passwd"),
        entry("top/pipe", tarfile.FIFOTYPE),
        GOOD,
    )
    assert set(unpack(packed, under="manifests")) == {GOOD[0]}


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_and_pipes_among_the_manifests_are_refused(kind: bytes) -> None:
    assert "neither a file nor a folder" in refused(archive(GOOD, entry("top/manifests/x", kind)))


def test_every_refused_entry_is_named() -> None:
    links = [entry(f"top/manifests/{name}", tarfile.SYMTYPE, target="x") for name in ("a", "b")]
    message = refused(archive(*links))
    assert "manifests/a: " in message
    assert "manifests/b: " in message


def test_the_same_file_twice_is_refused_and_so_is_a_file_that_is_also_a_folder() -> None:
    assert "twice" in refused(archive(GOOD, GOOD))
    assert "which is a file" in refused(archive(("manifests/a", b""), ("manifests/a/b", b"")))


@pytest.mark.parametrize("name", ["manifests/a\nb.yaml", "manifests/\x1b[31m.yaml", "manifests/" + "x" * 300])
def test_a_name_that_could_not_be_logged_or_written_is_refused(name: str) -> None:
    assert "unprintable" in refused(archive((name, b"")))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(files=2), "more than 2 files"),
        (Limits(file_bytes=9), "more than 9 bytes"),
        (Limits(tree_bytes=25), "more than 25 bytes of manifests"),
        (Limits(archive_bytes=1000), "unpacks to more than 1000 bytes"),
        (Limits(entries=2), "more than 2 entries"),
    ],
)
def test_each_limit_is_held(limits: Limits, reason: str) -> None:
    packed = archive(*((f"manifests/{number}", b"0123456789") for number in range(3)))
    assert len(unpack(packed, under="manifests")) == 3
    assert reason in refused(packed, limits=limits)


@pytest.mark.parametrize("behind", [False, True])
def test_a_bomb_goes_off_early_even_outside_the_folder(behind: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = 0
    inflated = _Stream._inflated

    def counted(stream: _Stream) -> bytes:
        nonlocal unpacked
        data = inflated(stream)
        unpacked += len(data)
        return data

    packed = archive(GOOD) if behind else archive(("src/zeros", bytes(50_000_000)), GOOD)
    if behind:  # the end of the archive
        packed = gzip.compress(gzip.decompress(packed) + bytes(50_000_000))
    monkeypatch.setattr(_Stream, "_inflated", counted)
    assert "unpacks to more than 1000000 bytes" in refused(packed, limits=Limits(archive_bytes=1_000_000))
    assert unpacked < 1_100_000


@pytest.mark.parametrize(
    "packed", [b"", b"<html>", gzip.compress(b"", mtime=0), gzip.compress(b"not a tar" * 100, mtime=0)]
)
def test_what_is_no_archive_is_no_word_about_the_branch(packed: bytes) -> None:
    assert damaged_on_its_way(packed)


def test_an_archive_that_breaks_off_is_fetched_again_and_never_taken_for_a_smaller_tree() -> None:
    plain = gzip.decompress(archive(GOOD, ("manifests/b.yaml", b"kind: Service\n")))
    second = plain.index(b"manifests/b.yaml")
    damaged = plain[:second] + b"!" + plain[second + 1 :]
    for broken in (plain[:1024], plain[: second + 10], damaged):
        assert damaged_on_its_way(gzip.compress(broken))
    assert damaged_on_its_way(gzip.compress(plain)[:-4])


@settings(max_examples=60)
@given(st.data())
def test_damaged_archives_are_refused_or_read_and_nothing_comes_from_outside_the_folder(
    data: st.DataObject,
) -> None:
    plain = bytearray(
        gzip.decompress(archive(GOOD, ("../up", b"x"), ("manifests/\u00e9.yaml", b"y"), ("src/z", b"z")))
    )
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8)
    ):
        plain[position] = value
    try:
        tree = unpack(gzip.compress(bytes(plain)), under="manifests")
    except (Rejection, Unreachable):
        return
    assert all(path.startswith("manifests/") and ".." not in path.split("/") for path in tree)
