"""The worst archive, of whatever size, takes no more than a second, and 64 MB."""

import gzip
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from coppice.manifests.archive import unpack
from tests.unit.provisioning.admission.worst import holds

pytestmark = pytest.mark.exhaustive

M = 2**20
END = bytes(1024)
MOST = 100_000  # entries; see coppice.manifests.archive.Limits


def member(path: str, size: int = 0, *, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    header = tarfile.TarInfo(f"r/{path}")
    header.size, header.type, header.linkname = size, kind, target
    return header.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")


def record(key: str, value: str) -> bytes:
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def further(kind: bytes, *records: bytes) -> bytes:
    body = b"".join(records)
    return member("further", len(body), kind=kind) + body + bytes(-len(body) % 512)


def long(path: str) -> bytes:
    return further(tarfile.XHDTYPE, record("path", f"r/{path}")) + member("x")


def zeros(megabytes: int) -> Iterator[bytes]:
    for _ in range(megabytes):
        yield bytes(M)


def packed(*parts: bytes | Iterator[bytes]) -> bytes:
    deflate = zlib.compressobj(wbits=31)
    made = [
        deflate.compress(each) for part in parts for each in ([part] if isinstance(part, bytes) else part)
    ]
    return b"".join([*made, deflate.flush()])


HOLDING_MANY = further(tarfile.XGLTYPE, *(record(f"k{number}", "") for number in range(1_500)))
ARCHIVES: dict[str, Callable[[], bytes]] = {
    "one member": lambda: packed(member("x", 255 * M), zeros(255), END),
    "one member that is too large": lambda: packed(member("x", 1_000 * M), zeros(1_000), END),
    "one member of the manifests": lambda: packed(member("o/x", 255 * M), zeros(255), END),
    "manifests": lambda: packed(*(each for n in range(16) for each in (member(f"o/{n}", M), bytes(M))), END),
    "behind the end": lambda: packed(member("o/x"), END, zeros(255)),
    "far behind the end": lambda: packed(member("o/x"), END, zeros(1_000)),
    "behind the checksum": lambda: packed(member("o/x"), END) + bytes(64 * M),
    "members": lambda: packed((member(f"x/{n}") for n in range(MOST)), END),
    "too many members": lambda: packed((member(f"x/{n}") for n in range(5 * MOST)), END),
    "folders": lambda: packed((member(f"o/{n}/", kind=tarfile.DIRTYPE) for n in range(MOST)), END),
    "files": lambda: packed((member(f"o/{n}") for n in range(2_000)), END),
    "too many files": lambda: packed((member(f"o/{n}") for n in range(MOST)), END),
    "links": lambda: packed((member(f"o/{n}", kind=b"2", target="y" * 99) for n in range(MOST)), END),
    "links elsewhere": lambda: packed(
        (member(f"x/{n}", kind=b"2", target="y" * 99) for n in range(MOST)), END
    ),
    "one name": lambda: packed((member("o/a") for _ in range(MOST)), END),
    "one name elsewhere": lambda: packed((member("x/a") for _ in range(MOST)), END),
    "long names": lambda: packed((long(f"x/{n:0300}") for n in range(MOST // 2)), END),
    "longest names": lambda: packed((long(f"x/{n:015000}") for n in range(1_100)), END),
    "longest names of manifests": lambda: packed((long(f"o/{n:015000}") for n in range(1_100)), END),
    "deep folders": lambda: packed((long("x/" + "a/" * 7_000 + str(n)) for n in range(1_100)), END),
    "deep folders of manifests": lambda: packed(
        (long("o/" + "a/" * 7_000 + str(n)) for n in range(1_100)), END
    ),
    "files as deep as can be": lambda: packed((long("o/" + "a/" * 495 + str(n)) for n in range(2_000)), END),
    "files below each other": lambda: packed((long("o" + "/a" * (n + 1)) for n in range(490)), END),
    "records": lambda: packed(
        (further(b"x", *[record("path", "r/x")] * 1_200) + member("x") for _ in range(1_100)), END
    ),
    "comments": lambda: packed((further(b"g", *[record("comment", "")] * 1_200) for _ in range(1_100)), END),
    "what a global header holds": lambda: packed(
        HOLDING_MANY * 10, (member(f"x/{n}") for n in range(90_000)), END
    ),
    "a chain": lambda: packed(further(b"x", record("path", "r/x")) * MOST, END),
    "empty archives": lambda: gzip.compress(b"") * 50_000,
    "empty blocks": lambda: gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 200_000,
    "sparse members": lambda: packed(member("o/x", kind=tarfile.GNUTYPE_SPARSE) * MOST, END),
    "sparse records": lambda: packed(further(b"x", record("GNU.sparse.map", "0,1," * 2_000)) * 1_000, END),
    "no archive": lambda: packed(b"x" * M, zeros(200)),
    "no end": lambda: packed(member("o/x", 200 * M), zeros(199)),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str) -> None:
    archive = ARCHIVES[name]()
    holds(lambda: unpack(archive, under="o"))


def test_the_measure_sees_what_takes_too_long_or_too_much() -> None:
    def spin() -> None:
        end = time.thread_time() + 1.01
        while time.thread_time() < end:
            pass

    with pytest.raises(AssertionError):
        holds(spin)
    with pytest.raises(AssertionError):
        holds(lambda: bytearray(65 * M))
