"""Keep a cluster running until interrupted: `python -m devtools.cluster [--nodes N] [--audit-log PATH]`."""

import argparse
import contextlib
import json
import sys
import threading
from pathlib import Path

from devtools.cluster.control_plane import running_cluster
from devtools.cluster.processes import NotReadyError
from devtools.cluster.programs import ClusterUnavailableError


def main() -> None:
    """Start a cluster, and print the path of its kubeconfig as JSON in the first line on standard output."""
    parser = argparse.ArgumentParser(prog="python -m devtools.cluster", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="nodes in its one agent pool (default: 1)")
    parser.add_argument("--audit-log", type=Path, help="file that gets a line about each request")
    arguments = parser.parse_args()
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            running_cluster(nodes=arguments.nodes, audit_log=arguments.audit_log) as cluster,
        ):
            sys.stdout.write(json.dumps({"name": "cluster", "kubeconfig": str(cluster.kubeconfig)}) + "\n")
            sys.stdout.flush()
            threading.Event().wait()
    except (ClusterUnavailableError, NotReadyError, TimeoutError) as error:
        sys.exit(f"cluster: {error}")


main()
