"""The throw-away server: it is no one's but the test's, and nothing is left of it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from devtools.emulators.postgres import server
from devtools.emulators.postgres.server import PostgresMissingError, binaries
from tests.integration.adapters.postgres.stage import Stage

ROOT = Path(__file__).resolve().parents[4]


def test_it_runs_as_somebody_who_is_not_root_on_loopback_alone(stage: Stage) -> None:
    folder = Path(stage.value("SHOW data_directory"))

    assert folder.stat().st_uid != 0
    assert stage.value("SHOW listen_addresses") == "127.0.0.1"


def test_it_runs_in_the_foreground_until_interrupted() -> None:
    try:
        binaries()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    # As a script starts it in the background: with SIGINT ignored.
    command = [
        "sh",
        "-c",
        'trap "" INT; exec "$@"',
        "sh",
        sys.executable,
        "-m",
        "devtools.emulators.postgres",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            psycopg.connect(url, user="coppice_admin").close()
        finally:
            process.send_signal(signal.SIGINT)
            ended = process.wait(20)

    assert ended == 0
    with pytest.raises(psycopg.OperationalError, match="Connection refused"):
        psycopg.connect(url)


def test_where_postgresql_is_missing_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "_INSTALLED", tmp_path)

    with pytest.raises(PostgresMissingError, match=r"^[^\n]*`apt-get install postgresql`\.$"):
        binaries()
