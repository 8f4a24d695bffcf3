"""`python -m devtools.host` as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

REPOSITORY = Path(__file__).parents[4]
APP = """
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="settings")
def settings(req: func.HttpRequest) -> str:
    return "|".join(os.environ.get(name, "-") for name in req.params["names"].split(","))

@app.route(route="folder")
def folder(req: func.HttpRequest) -> str:
    return os.getcwd()

@app.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def sweep(timer: func.TimerRequest) -> None: ...
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A script root with an app, a sample of its settings, and no settings."""
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}')
    sample = {"Values": {"AzureWebJobsStorage": "", "BASE_DOMAIN": "", "KUBECONFIG": ""}}
    (tmp_path / "local.settings.sample.json").write_text(json.dumps(sample))
    return tmp_path


def _start(*arguments: str, shell: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "devtools.host", "--port", "0", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **(shell or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _running(process: subprocess.Popen[str]) -> Iterator[str]:
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert first["name"] == "host"
        yield first["url"]
    finally:
        process.kill() if process.poll() is None else None
        process.communicate()


def test_settings_come_from_the_file_alone_and_what_the_shell_holds_is_said(root: Path) -> None:
    (root / "local.settings.json").write_text('{"Values": {"BASE_DOMAIN": "dev.example"}}')
    shell = {"BASE_DOMAIN": "shell.example", "KUBECONFIG": "/production", "UNRELATED": "kept"}
    process = _start("--script-root", str(root), shell=shell)
    with _running(process) as url:
        names = "BASE_DOMAIN,KUBECONFIG,UNRELATED"
        assert httpx.get(f"{url}/settings?names={names}").text == "dev.example|-|kept"
        assert "127.0.0.1" in httpx.get(f"{url}/settings?names=AzureWebJobsStorage").text
        assert httpx.get(f"{url}/folder").text == str(root)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "BASE_DOMAIN, KUBECONFIG" in said
    assert "shell.example" not in said
    assert "/production" not in said


def test_functions_are_listed_and_one_that_does_not_load_takes_no_other_down(root: Path) -> None:
    process = _start("--script-root", str(root))
    with _running(process) as url:
        assert httpx.get(f"{url}/settings?names=BASE_DOMAIN").text == "-"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f"settings: [ANY] {url}/settings" in said
    assert "sweep is not loaded: %SWEEP_SCHEDULE% does not resolve" in said
    assert "There is no" in said
    assert "local.settings.sample.json" in said


def test_other_settings_can_be_named(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"Values": {"SWEEP_SCHEDULE": "0 0 0 1 1 *"}}')
    process = _start("--script-root", str(root), "--settings", str(other))
    with _running(process):
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert "sweep: timerTrigger 0 0 0 1 1 *" in said


@pytest.mark.parametrize(
    ("broken", "content", "complaint"),
    [
        ("local.settings.json", "{", "is not JSON"),
        ("host.json", '{"extensions": {"queues": {"batchSize": 99}}}', "batchSize has to be a number"),
        ("function_app.py", "", "has to hold one FunctionApp; it holds 0"),
    ],
)
def test_a_host_that_cannot_start_says_why_in_one_line(
    root: Path, broken: str, content: str, complaint: str
) -> None:
    (root / broken).write_text(content)
    process = _start("--script-root", str(root))
    out, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert complaint in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"BASE_DOMAIN": "Dev Example"}, "BASE_DOMAIN: expected a DNS name"),
        ({"GITHUB_REPOSITORY": "", "GITHUB_REPOSITRY": "acme/todo"}, "is GITHUB_REPOSITORY meant?"),
        ({"FENCE": "no-such-folder"}, "FENCE names"),
        ({"SCHEDULE_FILE": "no-such-file.yaml"}, "SCHEDULE_FILE names"),
    ],
)
def test_settings_are_checked_before_the_program_is_served(
    tmp_path: Path, changed: dict[str, str], complaint: str
) -> None:
    sample = json.loads((REPOSITORY / "local.settings.sample.json").read_text())["Values"]
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"Values": {**sample, **changed}}))
    process = _start("--settings", str(file))
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert complaint in said
    assert "Traceback" not in said


def test_a_folder_without_an_app_is_said(tmp_path: Path) -> None:
    _, said = _start("--script-root", str(tmp_path)).communicate(timeout=20)
    assert f"There is no function_app.py in {tmp_path}" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_said(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = _start("--script-root", str(root), "--port", port)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"Port {port} is taken" in said
    assert "Traceback" not in said
