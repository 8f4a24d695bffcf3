"""`make try`: one command, and there is something to play with."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from devtools.demo.assertions import until

ROOT = Path(__file__).parents[3]


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "devtools.demo.play", "--folder", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_branch_has_its_environment_what_it_suggests_works_and_an_interrupt_ends_it(tmp_path: Path) -> None:
    playing = start(tmp_path / "try")
    try:
        assert playing.stdout is not None
        told = []
        for line in playing.stdout:
            told.append(line.strip())
            if "Ctrl-C stops everything" in line:
                break
        assert any(re.fullmatch(r"URL +http://feature-new-login\.example\.test/", line) for line in told)
        asked = [line for line in told if line.startswith("$ curl http")]
        for line in asked:
            answer = httpx.get(line.split()[-1], trust_env=False).raise_for_status().json()
            assert "feature/new-login" in str(answer)
        gits = [line.removeprefix("$ ").split() for line in told if line.startswith("$ git -C")]
        for command in gits[:2]:
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        listed = asked[0].split()[-1]
        until(
            "the push is reported",
            lambda: "feature/mine" in httpx.get(listed, trust_env=False).text,
        )

        second = start(tmp_path / "try")
        assert "Another `make try` is running" in second.communicate(timeout=20)[0]

        playing.send_signal(signal.SIGINT)
        rest, _ = playing.communicate(timeout=30)
        assert "All processes that were started are stopped." in rest
        assert playing.returncode == 0
    finally:
        playing.kill() if playing.poll() is None else None
        playing.communicate()
