"""`python -m devtools.emulators.entra --arm URL --kubeconfig FILE`: Entra in a process of its own."""

import argparse
import sys
from pathlib import Path

import httpx

from devtools.cluster.connection import connect
from devtools.emulators.arm.world import World, example_world
from devtools.emulators.entra.app import EntraState, entra_app
from devtools.emulators.entra.directory import Directory
from devtools.emulators.entra.issuers import issuer_served_by
from devtools.emulators.serving import serve_forever


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.emulators.entra", description="An emulator of Microsoft Entra ID."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument("--arm", metavar="URL", required=True, help="where ARM's emulator is served")
    parser.add_argument(
        "--world", metavar="FILE", help="the document that ARM's emulator was given, if it was given one"
    )
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        action="append",
        default=[],
        help="names a cluster whose tokens are to be understood; may be given more than once",
    )
    return parser.parse_args()


def main() -> None:
    """Serve until interrupted."""
    arguments = _arguments()
    world = (
        World.model_validate_json(Path(arguments.world).read_text()) if arguments.world else example_world()
    )
    clusters = [connect(Path(file)) for file in arguments.kubeconfig]
    try:
        issuers = {issuer_served_by(cluster): cluster for cluster in clusters}
    except httpx.HTTPError as error:
        sys.exit(f"entra: the cluster does not show its issuer: {error}")
    directory = Directory(
        arm=arguments.arm, subscription=world.subscription, groups=tuple(world.resource_groups)
    )
    state = EntraState(tenant=world.tenant, directory=directory, issuers=issuers)
    serve_forever(entra_app(state), port=arguments.port, name="entra")


if __name__ == "__main__":
    main()
