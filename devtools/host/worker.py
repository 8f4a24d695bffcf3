"""`python -m devtools.host.worker`: the queue functions of an app, in a process that `devtools.host` starts.

Its settings are its environment, which it has from the host. It ends when its standard input does, and, as
on Azure, when a function runs for longer than `functionTimeout`.
"""

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from devtools.host.app import Host
from devtools.host.bindings import QueueTrigger
from devtools.host.loading import load_app, read_host_json

_log = logging.getLogger("host")
_LOOK = 1.0  # seconds between two checks for overdue functions


def main() -> int:
    """Serve the queue functions; the exit code is 1 if a function had to be terminated."""
    parser = argparse.ArgumentParser(prog="python -m devtools.host.worker")
    parser.add_argument("--script-root", type=Path, required=True)
    parser.add_argument("--app", required=True)
    parser.add_argument("--lock-seconds", type=int, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format=f"%(asctime)s worker {os.getpid()} %(name)s %(levelname)s %(message)s",
    )
    root = arguments.script_root
    host = Host(
        load_app(root, arguments.app),
        settings=os.environ,
        host_json=read_host_json(root),
        directory=root,
        triggers=(QueueTrigger,),
        lock=arguments.lock_seconds,
    )
    over = threading.Event()
    threading.Thread(target=_end_with_input, args=(over,), daemon=True).start()
    with host:
        while not over.wait(_LOOK):
            if host.overdue():
                _log.error("A function has been running for longer than functionTimeout; this worker ends.")
                os._exit(1)
    if host.still_running:
        os._exit(1)  # its thread would keep this process running
    return 0


def _end_with_input(over: threading.Event) -> None:
    sys.stdin.buffer.read()
    over.set()


if __name__ == "__main__":
    sys.exit(main())
