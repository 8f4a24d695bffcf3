"""Keep a PostgreSQL server running until interrupted: `python -m devtools.emulators.postgres`."""

import argparse
import contextlib
import json
import sys
import threading

from devtools.emulators.postgres.server import PostgresMissingError, postgres
from devtools.interrupts import ended_by_signals


def main() -> None:
    """Start it and say where it is: the first line on standard output, as JSON, with the admin's URL."""
    argparse.ArgumentParser(prog="python -m devtools.emulators.postgres", description=__doc__).parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt), ended_by_signals(), postgres() as cluster:
            sys.stdout.write(json.dumps({"name": "postgres", "url": cluster.admin}) + "\n")
            sys.stdout.flush()
            threading.Event().wait()
    except (PostgresMissingError, RuntimeError) as error:
        sys.exit(f"postgres: {error}")


main()
