"""kustomize, the real one, and emulators of one that misbehaves."""

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.kustomize import build
from adapters.kustomize.build import Kustomize
from adapters.kustomize.process import Program
from coppice.manifests.rejection import Rejection
from coppice.reconciler.errors import NotSetUp
from tests.integration.adapters.raw import raw_server, reply

NAMED = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: named}\n"


@pytest.fixture(scope="module", params=["overlay-builder", "kustomize"])
def real(request: pytest.FixtureRequest) -> Kustomize:
    program: Program = request.getfixturevalue(request.param.replace("-", "_"))
    return Kustomize(lambda: program)


def tree(**files: str) -> Mapping[str, bytes]:
    """Files of an overlay `o`, by their names with `__` for the dot."""
    return {f"o/{name.replace('__', '.')}": content.encode() for name, content in files.items()}


def program(folder: Path, body: str) -> Kustomize:
    """A kustomize that runs a few lines of Python instead."""
    script = folder / "fake"
    script.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    script.chmod(0o755)
    built_by = Program((str(script), "build"))
    return Kustomize(lambda: built_by, seconds=5, max_output=100_000)


def test_an_overlay_is_built_with_its_base_and_its_patches(real: Kustomize) -> None:
    files = {
        "m/base/kustomization.yaml": b"resources: [a.yaml]",
        "m/base/a.yaml": NAMED,
        "m/o/kustomization.yaml": b"resources: [../base]\nnamePrefix: my-\nnamespace: x\n",
    }
    (built,) = real.build(files, "m/o")
    assert built["metadata"] == {"name": "my-named", "namespace": "x"}


def test_the_same_files_build_the_same(real: Kustomize) -> None:
    files = tree(kustomization__yaml="configMapGenerator: [{name: c, literals: [a=1]}]")
    assert real.build(files, "o") == real.build(files, "o")


def test_an_overlay_of_nothing_builds_nothing(real: Kustomize) -> None:
    with pytest.raises(Rejection, match="kustomization"):
        real.build(tree(kustomization__yaml=""), "o")


def test_an_overlay_that_is_not_there_is_named(real: Kustomize) -> None:
    with pytest.raises(Rejection, match="overlays/none"):
        real.build(tree(kustomization__yaml=""), "overlays/none")


def test_an_error_names_the_file_and_not_where_it_lay(real: Kustomize) -> None:
    with pytest.raises(Rejection) as caught:
        real.build(tree(kustomization__yaml="resources: [missing.yaml]"), "o")
    said = str(caught.value)
    assert "missing.yaml" in said
    assert "coppice-" not in said
    assert "/tmp" not in said


def test_nothing_above_the_files_can_be_read(real: Kustomize, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_bytes(NAMED)
    for path in (str(secret), f"../../../../../../../../..{secret}"):
        with pytest.raises(Rejection):
            real.build(tree(kustomization__yaml=f"resources: [{path}]"), "o")


@pytest.mark.parametrize(
    "kustomization",
    [
        "resources: ['https://manifests.invalid/a.yaml']",
        "resources: ['http://manifests.invalid/a.yaml']",
        "resources: ['github.com/acme/manifests//base?ref=main']",
        "resources: ['git@github.com:acme/manifests.git']",
        "resources: ['ssh://git@manifests.invalid/a']",
        "helmCharts: [{name: c, repo: 'https://charts.invalid', version: '1'}]",
        "generators: [exec.yaml]",
    ],
)
def test_what_reaches_out_fails_at_once(real: Kustomize, kustomization: str) -> None:
    plugin = """
apiVersion: v1
kind: Exec
metadata:
  name: x
  annotations: {config.kubernetes.io/function: "exec: {path: ./run.sh}"}
"""
    began = time.monotonic()
    with pytest.raises(Rejection):
        real.build(tree(kustomization__yaml=kustomization, exec__yaml=plugin, run__sh="#!/bin/sh"), "o")
    assert time.monotonic() - began < 10


def test_its_environment_holds_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    shown = "print('kind: E')\nfor name, value in os.environ.items(): print(f'{name}: \"{value}\"')"
    (environment,) = program(tmp_path, shown).build(tree(), "o")
    known = {"kind", "PATH", "HOME", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "GOGC", "GOMEMLIMIT"}
    assert set(environment) - {"LC_CTYPE"} == known
    assert environment["PATH"] is None or environment["PATH"] == ""
    assert environment["HOME"] == environment["TMPDIR"] != str(Path.home())


def test_it_works_in_a_folder_of_its_own_that_is_gone_afterwards(tmp_path: Path) -> None:
    shown = "print(f'kind: E\\ncwd: {os.getcwd()}\\narguments: {sys.argv[1:]}')"
    (told,) = program(tmp_path, shown).build(tree(a__yaml="x"), "o")
    assert told["arguments"] == ["build", f"{told['cwd']}/o"]
    assert not Path(told["cwd"]).exists()


@pytest.mark.parametrize(
    ("free", "place"),
    [(1_000_000, "memory"), (100_000, "disk")],
    ids=["there is room", "there is little room"],
)
def test_the_files_lie_in_memory_if_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, place: str
) -> None:
    for name in ("memory", "disk"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(build, "_IN_MEMORY", tmp_path / "memory")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "disk"))
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with program(tmp_path, "").workspace({"o/a": b"x" * 9_000}):
        found = {each.name: len(list(each.iterdir())) for each in (tmp_path / "memory", tmp_path / "disk")}
    assert found == {"memory": 0, "disk": 0} | {place: 1}


def test_the_files_lie_in_the_temporary_folder_where_none_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_IN_MEMORY", tmp_path / "missing")
    shown = "print(f'kind: E\\ncwd: {os.getcwd()}')"
    (told,) = program(tmp_path, shown).build(tree(a__yaml="x"), "o")
    assert Path(told["cwd"]).parent == Path(tempfile.gettempdir()).resolve()


def test_a_build_that_takes_too_long_is_refused_with_its_limit(tmp_path: Path) -> None:
    slow = Kustomize(program(tmp_path, "time.sleep(60)")._program, seconds=0.2)
    began = time.monotonic()
    with pytest.raises(Rejection, match=r"o: kustomize did not finish within 0\.2 seconds"):
        slow.build(tree(), "o")
    assert time.monotonic() - began < 10


def test_a_build_that_never_stops_printing_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(Rejection, match="makes more than 100000 bytes"):
        program(tmp_path, "while True: print('a: ' + 'x' * 9999)").build(tree(), "o")


def test_what_it_says_on_the_side_does_not_hold_it_up_and_is_not_told_at_length(tmp_path: Path) -> None:
    loud = "sys.stderr.write('no ' * 500_000)\nsys.exit(1)"
    with pytest.raises(Rejection, match="kustomize: no no") as caught:
        program(tmp_path, loud).build(tree(), "o")
    assert len(str(caught.value)) < 5000


def test_a_warning_is_no_error(tmp_path: Path) -> None:
    warned = "sys.stderr.write('deprecated')\nprint('kind: A')"
    assert program(tmp_path, warned).build(tree(), "o") == ({"kind": "A"},)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("print('- a')", "no object"),
        ("print('just a text')", "no object"),
        ("print('a: [')", "cannot be used"),
        ("os.write(1, b'\\xff\\xfe\\x00')", "cannot be used"),
    ],
)
def test_output_that_holds_no_objects_is_refused(tmp_path: Path, body: str, why: str) -> None:
    with pytest.raises(Rejection, match=why):
        program(tmp_path, body).build(tree(), "o")


def test_a_program_that_cannot_run_is_told_with_what_to_do(tmp_path: Path) -> None:
    broken = tmp_path / "kustomize"
    broken.write_bytes(b"\x7fELF of another machine")
    broken.chmod(0o755)
    with pytest.raises(NotSetUp, match="make setup"):
        Kustomize(lambda: Program((str(broken),))).build(tree(), "o")
    with pytest.raises(NotSetUp, match="make setup"):
        Kustomize(lambda: Program((str(tmp_path / "missing"),))).build(tree(), "o")


def test_loopback_is_reached_past_any_proxy_so_that_only_the_guard_keeps_it_out(real: Kustomize) -> None:
    with raw_server(lambda _: reply(200, NAMED, type_="text/plain")) as server:
        built: tuple[dict[str, Any], ...] = real.build(
            tree(kustomization__yaml=f"resources: ['{server.url}/a.yaml']"), "o"
        )
    assert [each["metadata"]["name"] for each in built] == ["named"]


def test_it_gets_only_so_much_memory(tmp_path: Path) -> None:
    greedy = program(tmp_path, "time.sleep(0.2)\nheld = bytearray(700_000_000)\nprint('kind: x')")
    with pytest.raises(Rejection, match="MemoryError"):
        greedy.build(tree(kustomization__yaml=""), "o")


def test_it_gets_only_so_much_of_a_processor(tmp_path: Path) -> None:
    script = "time.sleep(0.2)\nimport resource\nprint('most:', resource.getrlimit(resource.RLIMIT_CPU)[0])"
    (said,) = program(tmp_path, script).build(tree(kustomization__yaml=""), "o")
    assert said == {"most": 5}


def test_it_fills_no_disk(tmp_path: Path) -> None:
    full = program(tmp_path, "time.sleep(0.2)\nopen('big', 'wb').write(bytes(200_000))\nprint('kind: x')")
    with pytest.raises(Rejection, match="File too large"):
        full.build(tree(kustomization__yaml=""), "o")


def test_a_build_that_needs_too_much_memory_says_so(tmp_path: Path) -> None:
    words = "fatal error: runtime: out of memory"
    dying = program(tmp_path, f"print({words!r}, file=sys.stderr)\nsys.exit(2)")
    with pytest.raises(Rejection, match="kustomize needs more than 640 MB to build it"):
        dying.build(tree(kustomization__yaml=""), "o")
