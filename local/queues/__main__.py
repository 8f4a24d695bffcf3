"""`python -m local.queues --port N`: the stand-in as a process of its own."""

import argparse

from local.queues.app import queue_service
from local.queues.store import Queues
from local.serving import serve_forever


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m local.queues", description="Azure Queue storage, in memory."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    serve_forever(queue_service(Queues()), port=parser.parse_args().port, name="queues")


if __name__ == "__main__":
    main()
