"""bin/overlay-builder: when it stays for the next overlay, and when it ends."""

import resource
import subprocess
from pathlib import Path

import pytest

from adapters.kustomize.process import Limits, Process, Program, Result

ROOT = Path(__file__).resolve().parents[4]


def results(program: Program, folder: Path, *, most: int) -> list[Result]:
    """What one process of it makes of a folder, until it ends."""
    running = Process(program, Limits(seconds=30, output=1_000_000))
    found: list[Result] = []
    while len(found) < most:
        running.tell(folder.parent, folder)
        found.append(running.result())
        if not found[-1].stays:
            return found
    running.discard()
    return found


def test_it_ends_when_it_has_used_a_second_of_a_processor(overlay_builder: Program) -> None:
    feature = ROOT / "examples/todo-app/manifests/overlays/feature"
    found = results(overlay_builder, feature, most=500)
    assert all(each.built for each in found)
    assert len({each.output for each in found}) == 1
    assert 5 < len(found) < 500


@pytest.mark.parametrize(("field", "stays"), [("", True), ("openapi: {path: schema.json}", False)])
def test_it_ends_after_an_overlay_with_a_schema_of_its_own(
    overlay_builder: Program, tmp_path: Path, field: str, stays: bool
) -> None:
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "schema.json").write_text('{"definitions": {}}')
    (folder / "kustomization.yaml").write_text(f"configMapGenerator: [{{name: a}}]\n{field}")
    (result,) = results(overlay_builder, folder, most=1)
    assert (result.built, result.stays) == (True, stays)


def test_it_ends_after_what_does_not_build(overlay_builder: Program, tmp_path: Path) -> None:
    (result,) = results(overlay_builder, tmp_path / "missing", most=5)
    assert (result.code, result.built) == (1, False)
    assert result.errors.startswith("Error: ")


def test_it_ends_when_nothing_is_told_any_more(overlay_builder: Program) -> None:
    done = subprocess.run(overlay_builder.command, input=b"", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_it_is_limited_from_its_start(overlay_builder: Program) -> None:
    waiting = Process(overlay_builder, Limits(seconds=30, output=1_000))
    kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
    limits = [resource.prlimit(waiting._process.pid, kind) for kind in kinds]
    waiting.discard()
    # A second of a processor may have been used before an overlay.
    assert limits == [(most, most) for most in (640 * 1024 * 1024, 31, 1_000, 0)]
