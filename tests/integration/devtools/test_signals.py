"""Every server of `devtools/` ends when told to, also where its parent has SIGINT ignored, as a script's
background job has, and without a word about it.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.demo.processes import write_kubeconfig
from devtools.emulators.postgres.server import PostgresMissingError, binaries

ROOT = Path(__file__).parents[3]
IGNORING = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
# What each is started with, in a folder of the test's.
ARGUMENTS = {
    "arm": (),
    "entra": ("--arm", "http://127.0.0.1:1"),
    "github": ("--repository", "{folder}/app.git", "--seed", "examples"),
    "gitops": ("--kubeconfig", "{folder}/kubeconfig", "--repository", "acme/todo={folder}/app.git"),
    "host": ("--port", "0", "--script-root", "{folder}"),
    "kubernetes": (),
    "postgres": (),
    "queues": (),
}
# `cluster` has its test beside the real parts; the others come to an end by themselves.
ELSEWHERE = {"bench", "cluster", "demo"}


def test_no_server_is_forgotten() -> None:
    folders = (ROOT / "devtools", ROOT / "devtools" / "emulators")
    servers = {file.parent.name for folder in folders for file in folder.glob("*/__main__.py")}

    assert servers == ARGUMENTS.keys() | ELSEWHERE


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
@pytest.mark.parametrize("module", ARGUMENTS)
def test_it_ends_when_told_to_even_if_sigint_was_ignored(
    module: str, how: signal.Signals, tmp_path: Path
) -> None:
    if module == "postgres":
        try:
            binaries()
        except PostgresMissingError as error:
            pytest.skip(str(error))
    write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1")
    (tmp_path / "function_app.py").write_text("import azure.functions\napp = azure.functions.FunctionApp()\n")
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    arguments = [each.format(folder=tmp_path) for each in ARGUMENTS[module]]
    command = [
        *IGNORING,
        sys.executable,
        "-m",
        f"devtools.{module}" if module == "host" else f"devtools.emulators.{module}",
        *arguments,
    ]
    with (
        (tmp_path / "errors").open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["name"] == module
            process.send_signal(how)
            ended = process.wait(20)
        finally:
            process.kill()

    assert ended == 0
    assert "Traceback" not in (tmp_path / "errors").read_text()
