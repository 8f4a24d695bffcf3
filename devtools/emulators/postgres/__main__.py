"""Keep a PostgreSQL server running until interrupted: `python -m devtools.emulators.postgres`."""

import argparse
import contextlib
import json
import sys
import threading

from devtools.emulators.postgres.server import PostgresMissingError, postgres
from devtools.interrupts import ended_by_signals


def main() -> None:
    """Start a server, and print the admin's URL as JSON in the first line on standard output."""
    argparse.ArgumentParser(prog="python -m devtools.emulators.postgres", description=__doc__).parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt), ended_by_signals(), postgres() as cluster:
            sys.stdout.write(json.dumps({"name": "postgres", "url": cluster.admin}) + "\n")
            sys.stdout.flush()
            threading.Event().wait()
    except (PostgresMissingError, RuntimeError) as error:
        sys.exit(f"postgres: {error}")


main()
