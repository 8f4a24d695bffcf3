import socket
from pathlib import Path

import httpx
import pytest

from devtools.demo.processes import NotStartedError, shell, started


def test_settings_of_the_shell_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/production")
    monkeypatch.setenv("AzureWebJobsStorage__accountName", "production")
    monkeypatch.setenv("UNRELATED", "kept")
    found = shell()
    assert {"KUBECONFIG", "AzureWebJobsStorage__accountName"} <= set(found.ignored)
    assert "/production" not in found.variables.values()
    assert found.variables["UNRELATED"] == "kept"


def test_loopback_is_reached_without_the_proxy_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "internal.example")
    assert shell().variables["NO_PROXY"] == "internal.example,127.0.0.1"


def test_a_process_serves_for_as_long_as_the_context_lasts(tmp_path: Path) -> None:
    with started("devtools.emulators.queues", log=tmp_path / "log") as server:
        assert httpx.get(server.url, trust_env=False).status_code < 500
    assert server.process.returncode is not None
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url, trust_env=False)


def test_a_port_that_is_taken_is_said_and_nothing_that_the_log_held_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of yesterday\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with (
            pytest.raises(NotStartedError) as raised,
            started("devtools.emulators.queues", "--port", port, log=log),
        ):
            pass
    said = str(raised.value)
    assert f"Port {port} is taken" in said
    assert "Traceback" not in said
    assert "yesterday" not in said


def test_a_process_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(NotStartedError, match="unrecognized arguments: --nonsense"),
        started("devtools.emulators.queues", "--nonsense", log=tmp_path / "log"),
    ):
        pass
