"""Processes that wait for what to build, with an emulator of one that misbehaves."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adapters.kustomize import process
from adapters.kustomize.build import Kustomize
from adapters.kustomize.process import Program
from coppice.manifests.rejection import Rejection

# It lists those that were started, in the order of their starts, and waits as bin/overlay-builder does.
WAITS = """
with open({log!r}, "a") as log:
    log.write(f"{{os.getpid()}}\\n")
number = len(open({log!r}).readlines())
{before}
told = sys.stdin.buffer.read().split(b"\\0")
if told == [b""]:
    sys.exit()
print(flush=True)
folder, overlay = told
{body}
"""
SHOWN = "print(f'kind: E\\npid: {os.getpid()}\\nfolder: {folder.decode()}\\noverlay: {overlay.decode()}')"
FILES: Mapping[str, bytes] = {"o/a.yaml": b"x"}

ROOT = Path(__file__).resolve().parents[4]
Made = Callable[..., Kustomize]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def made(tmp_path: Path, log: Path) -> Iterator[Made]:
    """Makes a builder of an emulator, from what it does before it reads and once it is told."""
    builders: list[Kustomize] = []

    def make(body: str = SHOWN, before: str = "", *, seconds: float = 5) -> Kustomize:
        script = tmp_path / "waits"
        text = WAITS.format(log=str(log), body=body, before=before)
        script.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{text}\n")
        script.chmod(0o755)
        program = Program((str(script),), waits=True)
        builders.append(Kustomize(lambda: program, seconds=seconds, max_output=100_000))
        return builders[-1]

    yield make
    builders.clear()
    gc.collect()


def started(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().splitlines()]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # one that has ended and that nobody has asked about


def test_each_build_has_a_process_of_its_own_that_was_started_before_it(made: Made, log: Path) -> None:
    builder = made()
    pids = []
    for count in range(1, 4):
        (told,) = builder.build(FILES, "o")
        pids.append(told["pid"])
        until(lambda count=count: len(started(log)) == count + 1)  # type: ignore[misc]
    assert pids == started(log)[:3]
    assert len(set(pids)) == 3


def test_it_is_told_the_folder_to_work_in_and_the_one_to_build(made: Made) -> None:
    (told,) = made().build(FILES, "o")
    assert told["overlay"] == f"{told['folder']}/o"
    assert Path(told["folder"]).name.startswith("coppice-")


def test_its_environment_holds_nothing_of_ours(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    shown = "print('kind: E')\nfor name, value in os.environ.items(): print(f'{name}: \"{value}\"')"
    (environment,) = made(shown).build(FILES, "o")
    known = {"kind", "PATH", "HTTP_PROXY", "HTTPS_PROXY", "GOGC", "GOMEMLIMIT"}
    assert set(environment) - {"LC_CTYPE"} == known
    assert environment["PATH"] in {None, ""}


@pytest.mark.parametrize(
    "before",
    [
        "if number == 2: sys.exit(1)",  # it is dead
        "if number == 2: time.sleep(60)",  # it hangs
        "if number == 2: print('kind: Wrong', flush=True); time.sleep(60)",  # it says what it should not
    ],
)
def test_one_that_died_or_hangs_while_it_waited_is_replaced_and_refuses_nothing(
    made: Made, log: Path, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_HEARD_SECONDS", 0.5)
    builder = made(before=before)
    builder.build(FILES, "o")
    until(lambda: len(started(log)) == 2)
    (told,) = builder.build(FILES, "o")
    assert told["pid"] == started(log)[2]
    until(lambda: not runs(started(log)[1]))


def test_one_that_was_killed_while_it_waited_is_replaced(made: Made, log: Path) -> None:
    builder = made()
    builder.build(FILES, "o")
    until(lambda: len(started(log)) == 2)
    os.kill(started(log)[1], 9)
    (told,) = builder.build(FILES, "o")
    assert told["pid"] == started(log)[2]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("time.sleep(60)", r"o: kustomize did not finish within 0\.5 seconds"),
        ("while True: print('a: ' + 'x' * 9999)", "makes more than 100000 bytes"),
        ("sys.stderr.write('Error: no ' * 500_000); sys.exit(1)", "kustomize: Error: no Error: no"),
        ("held = bytearray(700_000_000)", "MemoryError"),
        ("open(os.devnull); open(folder + b'/big', 'wb').write(bytes(200_000))", "File too large"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", r"took more than 0\.5 s of processor"),
        ("print('fatal error: runtime: out of memory', file=sys.stderr); sys.exit(2)", "more than 640 MB"),
        ("sys.exit(3)", "kustomize: exit code 3"),
    ],
)
def test_what_exceeds_a_limit_is_refused_and_the_next_build_has_another_process(
    made: Made, log: Path, body: str, why: str
) -> None:
    builder = made(f"if number < 3:\n  {body}\nelse:\n  {SHOWN}", seconds=0.5 if "0\\.5" in why else 20)
    for count in (1, 2):  # one that is told as soon as it is started, and one that has waited
        with pytest.raises(Rejection, match=why):
            builder.build(FILES, "o")
        until(lambda count=count: len(started(log)) == count + 1)  # type: ignore[misc]
    (told,) = builder.build(FILES, "o")
    assert told["pid"] == started(log)[2]


def test_a_folder_is_named_in_no_error(made: Made) -> None:
    body = "sys.stderr.write(f'Error: {folder.decode()}/o/a.yaml is wrong'); sys.exit(1)"
    with pytest.raises(Rejection, match=r"kustomize: Error: o/a\.yaml is wrong"):
        made(body).build(FILES, "o")


def test_there_are_never_more_that_wait_than_builds_at_the_same_time(made: Made, log: Path) -> None:
    builder = made()
    with builder.workspace(FILES) as build, ThreadPoolExecutor(6) as pool:
        told: list[Mapping[str, Any]] = [each for (each,) in pool.map(build, ["o"] * 12)]
    assert len({each["pid"] for each in told}) == 12
    until(lambda: len(started(log)) >= 13)
    waiting = [pid for pid in started(log) if runs(pid)]
    assert 1 <= len(waiting) <= 2


def test_they_end_with_the_builder(tmp_path: Path, log: Path, made: Made) -> None:
    made().build(FILES, "o")
    until(lambda: len(started(log)) == 2)
    owned = Kustomize(lambda: Program((str(tmp_path / "waits"),), waits=True))
    owned.build(FILES, "o")
    until(lambda: len(started(log)) == 4)
    assert runs(started(log)[3])
    del owned
    gc.collect()
    assert not runs(started(log)[3])
    assert runs(started(log)[1])


def test_they_end_with_their_worker_even_if_that_is_killed(tmp_path: Path, log: Path, made: Made) -> None:
    made().build(FILES, "o")
    worker = f"""
import time
from adapters.kustomize.build import Kustomize
from adapters.kustomize.process import Program
builder = Kustomize(lambda: Program(({str(tmp_path / "waits")!r},), waits=True))
builder.build({FILES!r}, "o")
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", worker], cwd=ROOT) as running:
        until(lambda: len(started(log)) == 4)
        assert runs(started(log)[3])
        running.kill()
    until(lambda: not runs(started(log)[3]))


def test_one_that_is_told_nothing_ends(overlay_builder: Program) -> None:
    done = subprocess.run(overlay_builder.command, input=b"", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
