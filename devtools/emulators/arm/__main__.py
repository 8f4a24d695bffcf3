"""`python -m devtools.emulators.arm --port N`: the emulator of ARM in a process of its own."""

import argparse
import contextlib
import sys
from pathlib import Path

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from coppice.reconciler.errors import NotSetUp
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.nodes import keeping_nodes
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import World, example_world
from devtools.emulators.serving import serve_forever


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.emulators.arm", description="An emulator of Azure Resource Manager."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument(
        "--world", metavar="FILE", help="JSON of what exists at the start; - reads standard input"
    )
    parser.add_argument(
        "--write-seconds", type=float, default=0.02, help="how long a write of a credential takes"
    )
    parser.add_argument("--writes-per-second", type=float, help="of one identity; default: not throttled")
    parser.add_argument(
        "--subscription-writes-per-second", type=float, help="of all identities; default: not throttled"
    )
    parser.add_argument(
        "--operation-seconds", type=float, default=0.0, help="how long a change of a pool takes"
    )
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="a cluster that gets the nodes of every agent pool"
    )
    return parser.parse_args()


def _world(source: str | None) -> World:
    if source is None:
        return example_world()
    return World.model_validate_json(sys.stdin.read() if source == "-" else Path(source).read_text())


def main() -> None:
    """Serve until interrupted."""
    arguments = _arguments()
    state = ArmState(
        world=_world(arguments.world),
        write_seconds=arguments.write_seconds,
        writes_per_second=arguments.writes_per_second,
        subscription_writes_per_second=arguments.subscription_writes_per_second,
        operation_seconds=arguments.operation_seconds,
    )
    with contextlib.ExitStack() as stack:
        if arguments.kubeconfig:
            try:
                api = Api(by_kubeconfig(arguments.kubeconfig))
            except NotSetUp as error:
                sys.exit(f"arm: {error}")
            stack.enter_context(keeping_nodes(state, api))
        serve_forever(arm_app(state), port=arguments.port, name="arm")


if __name__ == "__main__":
    main()
