"""`python -m devtools.emulators.queues --port N`: the emulator as a process of its own."""

import argparse

from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.store import Queues
from devtools.emulators.serving import serve_forever


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.emulators.queues", description="Azure Queue storage, in memory."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    serve_forever(queue_service(Queues()), port=parser.parse_args().port, name="queues")


if __name__ == "__main__":
    main()
