"""The throw-away server belongs to its test alone, and nothing of it is left."""

import signal
from pathlib import Path

import psycopg
import pytest

from devtools.emulators.postgres import server
from devtools.emulators.postgres.server import PostgresMissingError, binaries
from tests.integration.adapters.postgres.stage import Stage
from tests.support.background import background_server


def test_it_runs_as_somebody_who_is_not_root_on_loopback_alone(stage: Stage) -> None:
    folder = Path(stage.value("SHOW data_directory"))

    assert folder.stat().st_uid != 0
    assert stage.value("SHOW listen_addresses") == "127.0.0.1"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_it_runs_in_the_foreground_until_a_signal_even_if_sigint_was_ignored(
    how: signal.Signals, tmp_path: Path
) -> None:
    try:
        binaries()
    except PostgresMissingError as error:
        pytest.skip(str(error))

    with background_server("devtools.emulators.postgres", folder=tmp_path) as running:
        assert running.ready["name"] == "postgres"
        url = running.ready["url"]
        psycopg.connect(url, user="coppice_admin").close()
        running.end(how)

    with pytest.raises(psycopg.OperationalError, match="Connection refused"):
        psycopg.connect(url)


def test_where_postgresql_is_missing_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "_INSTALLED", tmp_path)

    with pytest.raises(PostgresMissingError, match=r"^[^\n]*`apt-get install postgresql`\.$"):
        binaries()
