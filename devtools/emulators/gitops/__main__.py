"""Argo CD and Flux in a process of their own.

`python -m devtools.emulators.gitops --kubeconfig FILE --repository OWNER/NAME=PATH`
"""

import argparse
from pathlib import Path

from adapters.kustomize.build import Kustomize, find
from devtools.cluster.connection import connect
from devtools.emulators.github.arguments import repository
from devtools.emulators.gitops.controller_simulator import ControllerSimulator, page
from devtools.emulators.gitops.settings import Settings
from devtools.emulators.gitops.source import Sources
from devtools.emulators.serving import serve_forever

_ROOT = Path(__file__).parents[3]
_DEFAULTS = Settings()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.emulators.gitops", description="Players of Argo CD and Flux."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument("--kubeconfig", type=Path, required=True, metavar="FILE", help="names the cluster")
    parser.add_argument(
        "--repository",
        action="append",
        required=True,
        type=repository,
        metavar="OWNER/NAME=PATH",
        help="a bare repository that they read, whatever host its address names; may be repeated",
    )
    seconds = {
        "--sync-seconds": (_DEFAULTS.sync_seconds, "how long a sync takes"),
        "--lag-seconds": (_DEFAULTS.lag_seconds, "until a new commit is seen"),
        "--poll-seconds": (_DEFAULTS.poll_seconds, "from one look at Git to the next, if nobody asks"),
    }
    for option, (default, meaning) in seconds.items():
        parser.add_argument(option, type=float, default=default, help=meaning)
    parser.add_argument(
        "--failing", action="append", default=[], metavar="GLOB", help="names whose syncs fail; repeatable"
    )
    return parser.parse_args()


def main() -> None:
    """Run the simulators until interrupted."""
    arguments = _arguments()
    sources = Sources(arguments.repository, Kustomize(lambda: find(_ROOT)))
    settings = Settings(
        sync_seconds=arguments.sync_seconds,
        lag_seconds=arguments.lag_seconds,
        poll_seconds=arguments.poll_seconds,
        failing=tuple(arguments.failing),
    )
    with connect(arguments.kubeconfig) as api:
        simulator = ControllerSimulator(api, sources, settings=settings)
        with simulator.running():
            serve_forever(page(simulator), port=arguments.port, name="gitops")


if __name__ == "__main__":
    main()
