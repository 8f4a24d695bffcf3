"""Processes that wait for what to build, with an emulator of one that misbehaves."""

import gc
import os
import signal
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
WAITS = r"""
import itertools, os, signal, sys, time

with open({log!r}, "a") as log:
    print(os.getpid(), file=log)
number = len(open({log!r}).readlines())


def read():
    found = b""
    while (byte := sys.stdin.buffer.read(1)) not in (b"", b"\0"):
        found += byte
    return found.decode()


def answer(word, text):
    content = text.encode()
    sys.stdout.buffer.write(f"{{word}} {{len(content)}}\n".encode() + content)
    sys.stdout.buffer.flush()


for build in itertools.count(1):
    folder, overlay = read(), read()
    if not folder:
        sys.exit()
    {before}
    print(flush=True)
    {body}
"""
SHOWN = r"f'kind: E\npid: {os.getpid()}\nbuild: {build}\nfolder: {folder}\noverlay: {overlay}'"
READY, LAST = f"answer('ready', {SHOWN})", f"answer('last', {SHOWN}); sys.exit()"
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

    def make(body: str = READY, before: str = "pass", *, seconds: float = 20) -> Kustomize:
        script = tmp_path / "waits"
        text = WAITS.format(log=str(log), body=body.replace("\n", "\n    "), before=before)
        script.write_text(f"#!{sys.executable}\n{text}")
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


def test_one_process_builds_one_overlay_after_another(made: Made, log: Path) -> None:
    builder = made()
    told = [builder.build(FILES, "o")[0] for _ in range(3)]
    assert [each["build"] for each in told] == [1, 2, 3]
    assert started(log) == [told[0]["pid"]]
    assert len({each["folder"] for each in told}) == 3


def test_after_the_last_of_one_process_another_is_there_before_it_is_needed(made: Made, log: Path) -> None:
    builder = made(LAST)
    for count in (1, 2, 3):
        (told,) = builder.build(FILES, "o")
        until(lambda count=count: len(started(log)) == count + 1)  # type: ignore[misc]
        assert (told["pid"], told["build"]) == (started(log)[count - 1], 1)
        assert not runs(told["pid"])


def test_it_is_told_the_folder_to_work_in_and_the_one_to_build(made: Made) -> None:
    (told,) = made().build(FILES, "o")
    assert told["overlay"] == f"{told['folder']}/o"
    assert Path(told["folder"]).name.startswith("coppice-")


def test_its_environment_holds_nothing_of_ours(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    shown = r"answer('ready', 'kind: E' + ''.join(f'\n{k}: \"{v}\"' for k, v in os.environ.items()))"
    (environment,) = made(shown).build(FILES, "o")
    known = {"kind", "PATH", "HTTP_PROXY", "HTTPS_PROXY", "GOGC", "GOMEMLIMIT"}
    assert set(environment) - {"LC_CTYPE"} == known
    assert environment["PATH"] in {None, ""}


@pytest.mark.parametrize(
    "before",
    [
        "if (number, build) == (1, 2): sys.exit(1)",  # it is dead
        "if (number, build) == (1, 2): time.sleep(60)",  # it hangs
        "if (number, build) == (1, 2): answer('ready', 'kind: Wrong')",  # it says what it should not
    ],
)
def test_one_that_died_or_hangs_while_it_waited_is_replaced_and_refuses_nothing(
    made: Made, log: Path, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_HEARD_SECONDS", 0.5)
    builder = made(before=before)
    builder.build(FILES, "o")
    (told,) = builder.build(FILES, "o")
    first, second = started(log)
    assert (told["pid"], told["build"]) == (second, 1)
    assert not runs(first)


def test_one_that_was_killed_while_it_waited_is_replaced(made: Made, log: Path) -> None:
    builder = made()
    builder.build(FILES, "o")
    os.kill(started(log)[0], signal.SIGKILL)
    (told,) = builder.build(FILES, "o")
    assert told["pid"] == started(log)[1]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("time.sleep(60)", r"o: kustomize did not finish within 0\.5 seconds"),
        ("print('ready 5'); sys.stdout.flush(); time.sleep(60)", r"did not finish within 0\.5 seconds"),
        ("while True: print('a: ' + 'x' * 9999)", "makes more than 100000 bytes"),
        ("answer('ready', 'x' * 100_001)", "makes more than 100000 bytes"),
        ("answer('ready', 'x' * 1_000_000)", "makes more than 100000 bytes"),
        ("sys.stderr.write('Error: no ' * 500_000); sys.exit(1)", "kustomize: Error: no Error: no"),
        ("held = bytearray(700_000_000)", "MemoryError"),
        ("open(folder + '/big', 'wb').write(bytes(200_000))", "File too large"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", r"took more than 20 s of processor"),
        ("sys.stderr.write('fatal error: runtime: out of memory'); sys.exit(2)", "more than 640 MB"),
        ("sys.exit(3)", "kustomize: exit code 3"),
        # Objects that it has not told the whole length of are none.
        ("print('ready 100'); print('kind: A'); sys.exit()", "kustomize: exit code 0"),
        ("print('kind: A'); sys.exit()", "kustomize: exit code 0"),
        ("print('ready 1000000000000'); sys.exit()", "kustomize: exit code 0"),
        ("sys.exit()", "kustomize: exit code 0"),
    ],
)
def test_what_exceeds_a_limit_is_refused_and_the_next_build_works(made: Made, body: str, why: str) -> None:
    bad = f"if (number, build) in ((1, 1), (2, 2)):\n    {body}\n{READY}"
    builder = made(bad, seconds=0.5 if "0\\.5" in why else 20)
    for _ in range(2):  # by a process that has just been started, and by one that has built before
        with pytest.raises(Rejection, match=why):
            builder.build(FILES, "o")
        assert builder.build(FILES, "o")[0]["kind"] == "E"


def test_the_objects_of_a_build_that_is_not_read_are_not_those_of_the_next(made: Made) -> None:
    builder = made(f"if build == 2:\n    answer('ready', 'x' * 100_001)\nelse:\n    {READY}")
    for wanted in (1, None, 1):
        if wanted is None:
            with pytest.raises(Rejection, match="makes more than"):
                builder.build(FILES, "o")
        else:
            assert builder.build(FILES, "o")[0]["kind"] == "E"


def test_a_refusal_tells_nothing_of_the_build_before(made: Made) -> None:
    told = "print(f'build {build} of {overlay}', file=sys.stderr, flush=True)"
    body = f"{told}\nif build == 2: sys.exit(1)\n{READY}"
    builder = made(body)
    builder.build({"secret/a.yaml": b"x"}, "secret")
    with pytest.raises(Rejection) as caught:
        builder.build(FILES, "o")
    assert str(caught.value) == "o: kustomize: build 2 of o"


def test_there_are_never_more_that_wait_than_builds_at_the_same_time(made: Made, log: Path) -> None:
    builder = made(f"if build < 3: {READY}\nelse: {LAST}")
    with builder.workspace(FILES) as build, ThreadPoolExecutor(6) as pool:
        told: list[Mapping[str, Any]] = [each for (each,) in pool.map(build, ["o"] * 24)]
    assert len({(each["pid"], each["build"]) for each in told}) == 24
    # The last one that was started may not yet have said so.
    until(lambda: any(runs(pid) for pid in started(log)))
    assert len([pid for pid in started(log) if runs(pid)]) <= 2


def test_they_end_with_the_builder(tmp_path: Path, log: Path, made: Made) -> None:
    made().build(FILES, "o")
    owned = Kustomize(lambda: Program((str(tmp_path / "waits"),), waits=True))
    owned.build(FILES, "o")
    first, second = started(log)
    assert runs(second)
    del owned
    gc.collect()
    assert not runs(second)
    assert runs(first)


def test_they_end_with_their_worker_even_if_that_is_killed(tmp_path: Path, log: Path, made: Made) -> None:
    made().build(FILES, "o")
    worker = f"""
import time
from adapters.kustomize.build import Kustomize
from adapters.kustomize.process import Program
builder = Kustomize(lambda: Program(({str(tmp_path / "waits")!r},), waits=True))
builder.build({FILES!r}, "o")
print(flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", worker], cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        _, second = started(log)
        assert runs(second)
        running.kill()
    until(lambda: not runs(second))
