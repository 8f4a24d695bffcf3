"""`--workers`: queue functions in processes of their own, which are killed here one by one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
REPOSITORY = Path(__file__).parents[4]
WAIT = 15  # seconds until a test gives up
# A message names a file: the function writes its process into it, and goes on when there is a second file.
APP = """
import os, time
from pathlib import Path
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="put/{name}")
@app.queue_output("out", queue_name="work", connection="AzureWebJobsStorage")
def put(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set(req.route_params["name"])
    return str(os.getpid())

@app.queue_trigger("message", queue_name="work", connection="AzureWebJobsStorage")
def work(message: func.QueueMessage) -> None:
    name = message.get_body().decode()
    with Path(name).open("a") as file:
        file.write(f"{os.getpid()}\\n")
    while not Path(f"{name}.go").exists():
        time.sleep(0.02)
    Path(f"{name}.done").touch()
"""


@dataclass
class Running:
    """A host with workers, and the folder that its functions write to."""

    process: subprocess.Popen[str]
    folder: Path
    url: str = ""
    workers: list[int] = field(default_factory=list)

    def next_worker(self) -> int:
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        assert said["name"] == "worker"
        self.workers.append(said["pid"])
        return self.workers[-1]

    def put(self, name: str) -> int:
        return int(httpx.get(f"{self.url}/api/put/{name}").raise_for_status().text)

    def at_work(self, name: str, *, times: int = 1) -> list[int]:
        """The processes that have begun to work on a message, as soon as there are so many."""
        file = self.folder / name
        until(lambda: file.exists() and len(file.read_text().split()) >= times)
        return [int(each) for each in file.read_text().split()]

    def finish(self, name: str) -> None:
        (self.folder / f"{name}.go").touch()
        until((self.folder / f"{name}.done").exists)


@contextmanager
def running(folder: Path, *arguments: str, host_json: str = "{}") -> Iterator[Running]:
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text(host_json)
    command = [sys.executable, "-m", "devtools.host", "--port", "0", "--script-root", str(folder), *arguments]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    made = Running(process=process, folder=folder)
    try:
        assert process.stdout is not None
        made.url = json.loads(process.stdout.readline())["url"]
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
        until(lambda: not any(alive(each) for each in made.workers))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_message_whose_worker_is_killed_comes_back_to_another_one(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "1", "--lock-seconds", "1") as host:
        first = host.next_worker()
        front = host.put("a")
        assert host.at_work("a") == [first]
        os.kill(first, signal.SIGKILL)
        second = host.next_worker()
        assert host.at_work("a", times=2) == [first, second]
        host.finish("a")
        assert len({front, first, second}) == 3


def test_workers_take_messages_side_by_side(tmp_path: Path) -> None:
    host_json = '{"extensions": {"queues": {"batchSize": 1, "newBatchThreshold": 0}}}'
    with running(tmp_path, "--workers", "2", host_json=host_json) as host:
        both = {host.next_worker(), host.next_worker()}
        host.put("a")
        host.put("b")
        assert {*host.at_work("a"), *host.at_work("b")} == both
        host.finish("a")
        host.finish("b")


def test_workers_end_with_the_host_and_let_their_functions_end(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "1") as host:
        worker = host.next_worker()
        host.put("a")
        host.at_work("a")
        host.process.send_signal(signal.SIGTERM)
        host.finish("a")
        host.process.communicate(timeout=WAIT)
        assert host.process.returncode == 0
        assert not alive(worker)


def test_workers_end_when_the_host_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "1") as host:
        worker = host.next_worker()
        host.process.kill()
        until(lambda: not alive(worker))


def test_a_function_that_runs_for_too_long_takes_its_worker_along(tmp_path: Path) -> None:
    arguments = ("--workers", "1", "--lock-seconds", "1")
    with running(tmp_path, *arguments, host_json='{"functionTimeout": "00:00:01"}') as host:
        first = host.next_worker()
        host.put("a")
        assert host.at_work("a") == [first]
        second = host.next_worker()
        assert host.at_work("a", times=2) == [first, second]
        host.finish("a")
