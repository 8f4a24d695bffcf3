"""Every server of `devtools/` ends when it gets a signal, without a traceback.

That holds too where its parent ignores SIGINT, as the parent of a script's background job does.
"""

import signal
from pathlib import Path

import pytest

from devtools.demo.processes import write_kubeconfig
from tests.support.background import ROOT, background_server

# Each server's module below `devtools`, and its arguments; {folder} is a folder of the test's.
ARGUMENTS = {
    "emulators.arm": (),
    "emulators.entra": ("--arm", "http://127.0.0.1:1"),
    "emulators.github": ("--repository", "{folder}/app.git", "--seed", "examples"),
    "emulators.gitops": ("--kubeconfig", "{folder}/kubeconfig", "--repository", "acme/todo={folder}/app.git"),
    "emulators.kubernetes": (),
    "emulators.queues": (),
    "host": ("--port", "0", "--script-root", "{folder}"),
}
# Tested with a real control plane in tests/cluster/test_control_plane.py.
# Tested with a client in tests/integration/adapters/postgres/test_throw_away.py.
TESTED_ELSEWHERE = {"cluster", "emulators.postgres"}
COMMANDS = {"bench", "demo", "tools.fields"}  # they end by themselves


def test_every_server_is_tested() -> None:
    files = (ROOT / "devtools").rglob("__main__.py")
    modules = {".".join(file.relative_to(ROOT / "devtools").parent.parts) for file in files}

    assert modules == ARGUMENTS.keys() | TESTED_ELSEWHERE | COMMANDS


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
@pytest.mark.parametrize("module", ARGUMENTS)
def test_a_server_ends_by_a_signal_even_if_sigint_was_ignored(
    module: str, how: signal.Signals, tmp_path: Path
) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1")
    (tmp_path / "function_app.py").write_text("import azure.functions\napp = azure.functions.FunctionApp()\n")
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    arguments = [each.format(folder=tmp_path) for each in ARGUMENTS[module]]

    with background_server(f"devtools.{module}", *arguments, folder=tmp_path) as server:
        assert server.ready["name"] == module.rpartition(".")[2]
        server.end(how)
