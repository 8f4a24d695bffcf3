"""`python -m devtools.emulators.kubernetes --port N`: the Kubernetes API in its own process."""

import argparse

from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.kubernetes.world import SimulatorSettings
from devtools.emulators.serving import serve_forever


def _arguments() -> argparse.Namespace:
    defaults = SimulatorSettings()
    parser = argparse.ArgumentParser(
        prog="python -m devtools.emulators.kubernetes", description="An emulator of the Kubernetes API."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument(
        "--ready-seconds", type=float, default=defaults.ready_seconds, help="until a new pod is ready"
    )
    parser.add_argument(
        "--termination-seconds",
        type=float,
        default=defaults.termination_seconds,
        help="for which a deleted namespace is still seen",
    )
    return parser.parse_args()


def main() -> None:
    """Serve until interrupted."""
    arguments = _arguments()
    settings = SimulatorSettings(
        ready_seconds=arguments.ready_seconds, termination_seconds=arguments.termination_seconds
    )
    serve_forever(kubernetes_app(settings=settings), port=arguments.port, name="kubernetes")


if __name__ == "__main__":
    main()
