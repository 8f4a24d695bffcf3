"""`python -m devtools.host --port N`: serve function_app.py of the script root until interrupted.

The first line on standard output is `{"name": "host", "url": …}`. With `--workers N` the queue functions run
in processes of their own, and a line `{"name": "worker", "pid": …}` follows for each that is started.
Everything else goes to standard error.
"""

import argparse
import contextlib
import errno
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from app.container import container
from coppice.reconciler.errors import NotSetUp
from devtools.host.app import EVERY_TRIGGER, Host
from devtools.host.bindings import HttpTrigger, TimerTrigger
from devtools.host.loading import USUAL_APP, load_app, read_host_json
from devtools.host.queues import LOCK
from devtools.host.settings import SettingsError, app_environment, read_values
from devtools.host.storage import with_storage
from devtools.host.workers import Workers

_ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger("host")


def main() -> int:
    """Serve; the exit code is 1 if the host could not start, or if a function had to be terminated."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.host", description="A local Azure Functions host."
    )
    parser.add_argument("--port", type=int, default=7071, help="loopback port; 0 takes a free one")
    parser.add_argument(
        "--settings", type=Path, help="app settings (default: local.settings.json of the script root)"
    )
    parser.add_argument(
        "--script-root", type=Path, default=Path.cwd(), help="where function_app.py and host.json lie"
    )
    parser.add_argument("--app", default=USUAL_APP, help="the module that holds the FunctionApp")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that take queue messages; 0: this one does"
    )
    parser.add_argument(
        "--lock-seconds", type=int, default=LOCK, help="until a message comes back whose worker is gone"
    )
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    arguments.script_root = root = arguments.script_root.resolve()
    try:
        _check(root, arguments.app)
        return _serve(arguments, _values(root, arguments.settings))
    except (SettingsError, NotSetUp) as error:
        _log.error("%s", error)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _log.error("Port %d is taken. Choose another one: make host PORT=…, or --port.", arguments.port)
    return 1


def _check(root: Path, app: str) -> None:
    if app == USUAL_APP and not (root / "function_app.py").exists():
        raise SettingsError(f"There is no function_app.py in {root}. Name its folder with --script-root.")


def _values(root: Path, given: Path | None) -> dict[str, str]:
    path = given or root / "local.settings.json"
    if given is None and not path.exists():
        _log.warning("There is no %s: no app settings. Copy local.settings.sample.json to begin with.", path)
        return {}
    return read_values(path)


def _serve(arguments: argparse.Namespace, values: dict[str, str]) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    root: Path = arguments.script_root
    host_json = read_host_json(root)
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(with_storage(values))
        _become(root, settings)
        app = load_app(root, arguments.app)
        if root == _ROOT:
            container().check()
        host = Host(
            app,
            settings=settings,
            host_json=host_json,
            port=arguments.port,
            directory=root,
            triggers=(HttpTrigger, TimerTrigger) if arguments.workers else EVERY_TRIGGER,
            lock=arguments.lock_seconds,
        )
        stack.enter_context(host)
        _say(name="host", url=host.url)
        for line in host.functions():
            _log.info("%s", line)
        for name, why in host.index.refused.items():
            _log.error("%s is not loaded: %s", name, why)
        lock = str(arguments.lock_seconds)
        given = ("--script-root", str(root), "--app", arguments.app, "--lock-seconds", lock)
        stack.enter_context(Workers(arguments.workers, given, lambda pid: _say(name="worker", pid=pid)))
        stop.wait()
    if host.still_running:
        os._exit(1)  # its thread would keep this process running
    return 0


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _become(root: Path, settings: dict[str, str]) -> None:
    """Replace this process's environment with the app's; settings of the shell are left out."""
    sample = root / "local.settings.sample.json"
    known = read_values(sample) if sample.exists() else {}
    environment = app_environment(shell=os.environ, values=settings, known=known)
    if environment.ignored:
        _log.warning(
            "Ignored, for settings are read from the settings file alone: %s", ", ".join(environment.ignored)
        )
    os.environ.clear()
    os.environ.update(environment.variables)


if __name__ == "__main__":
    sys.exit(main())
