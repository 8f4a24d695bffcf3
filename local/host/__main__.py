"""`python -m local.host --port N`: serve function_app.py of the script root until interrupted.

The first line on standard output is `{"name": "host", "url": …}`; everything else goes to standard error.
"""

import argparse
import errno
import importlib
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import azure.functions as func

from local.host.app import Host
from local.host.settings import SettingsError, app_environment, read_json, read_values
from local.host.storage import with_storage

_log = logging.getLogger("host")


def main() -> int:
    """Serve; the exit code is 1 if the host could not start or had to cut a function off."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description="A local Azure Functions host.")
    parser.add_argument("--port", type=int, default=7071, help="loopback port; 0 takes a free one")
    parser.add_argument(
        "--settings", type=Path, help="app settings (default: local.settings.json of the script root)"
    )
    parser.add_argument(
        "--script-root", type=Path, default=Path.cwd(), help="where function_app.py and host.json lie"
    )
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    logging.getLogger("azure").setLevel(logging.WARNING)
    root = arguments.script_root.resolve()
    try:
        _check(root)
        return _serve(root, _values(root, arguments.settings), port=arguments.port)
    except SettingsError as error:
        _log.error("%s", error)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _log.error("Port %d is taken. Choose another one with --port.", arguments.port)
    return 1


def _check(root: Path) -> None:
    if not (root / "function_app.py").exists():
        raise SettingsError(f"There is no function_app.py in {root}. Name its folder with --script-root.")


def _values(root: Path, given: Path | None) -> dict[str, str]:
    path = given or root / "local.settings.json"
    if given is None and not path.exists():
        _log.warning("There is no %s: no app settings. Copy local.settings.sample.json to begin with.", path)
        return {}
    return read_values(path)


def _serve(root: Path, values: dict[str, str], *, port: int) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    host_json = read_json(root / "host.json") if (root / "host.json").exists() else {}
    with with_storage(values) as settings:
        _become(root, settings)
        host = Host(_app(root), settings=settings, host_json=host_json, port=port, directory=root)
        with host:
            sys.stdout.write(json.dumps({"name": "host", "url": host.url}) + "\n")
            sys.stdout.flush()
            for line in host.functions():
                _log.info("%s", line)
            for name, why in host.index.refused.items():
                _log.error("%s is not loaded: %s", name, why)
            stop.wait()
    if host.still_running:
        os._exit(1)  # its thread would keep this process alive
    return 0


def _become(root: Path, settings: dict[str, str]) -> None:
    """Make this process the app's: its folder, its environment and nothing of the shell's settings."""
    sample = root / "local.settings.sample.json"
    known = read_values(sample) if sample.exists() else {}
    environment = app_environment(shell=os.environ, values=settings, known=known)
    if environment.ignored:
        _log.warning(
            "Ignored, for settings are read from the settings file alone: %s", ", ".join(environment.ignored)
        )
    os.environ.clear()
    os.environ.update(environment.variables)
    os.chdir(root)
    sys.path.insert(0, str(root))


def _app(root: Path) -> func.FunctionApp:
    module = importlib.import_module("function_app")
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        raise SettingsError(f"{root / 'function_app.py'} has to hold one FunctionApp; it holds {len(apps)}.")
    return apps[0]


if __name__ == "__main__":
    sys.exit(main())
