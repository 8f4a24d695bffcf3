"""Which program builds overlays, and where it may run."""

import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.kustomize.build import Kustomize, find
from adapters.kustomize.process import Program
from coppice.reconciler.errors import NotSetUp


def executable(file: Path, *, mode: int = 0o755) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{sys.executable}\nprint('kind: A')\n")
    file.chmod(mode)
    return file


def test_the_one_that_is_shipped_goes_before_those_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kubectl", "kustomize"):
        executable(tmp_path / "path" / name)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    app = tmp_path / "app"
    assert find(app) == Program((str(tmp_path / "path/kustomize"), "build"))
    built = executable(app / "bin/kustomize")
    assert find(app) == Program((str(built), "build"))
    shipped = executable(app / "bin/overlay-builder")
    assert find(app) == Program((str(shipped),), waits=True)
    shipped.unlink()
    built.unlink()
    (tmp_path / "path/kustomize").unlink()
    assert find(app) == Program((str(tmp_path / "path/kubectl"), "kustomize"))
    (tmp_path / "path/kubectl").unlink()
    with pytest.raises(NotSetUp, match="make setup"):
        find(app)


def test_one_that_lost_its_executable_bit_is_copied_once_to_where_it_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    # Root may execute nothing that has no executable bit either.
    shipped = executable(tmp_path / "app/bin/kustomize", mode=0o444)
    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda _: find(tmp_path / "app"), range(12)))
    (program,) = found
    copy, _ = program.command
    assert [each.name for each in temporary.iterdir()] == [Path(copy).name]
    assert Path(copy).read_bytes() == shipped.read_bytes()
    assert Path(copy).stat().st_mode & stat.S_IXUSR
    assert shipped.stat().st_mode & 0o777 == 0o444
    assert Kustomize(lambda: program).build({"o/a.yaml": b"x"}, "o") == ({"kind": "A"},)


def test_a_newer_one_that_is_shipped_is_copied_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shipped = executable(tmp_path / "app/bin/kustomize", mode=0o444)
    first = find(tmp_path / "app")
    shipped.chmod(0o644)
    shipped.write_text(shipped.read_text() + "# newer\n")
    assert find(tmp_path / "app") != first
