"""`python -m devtools.emulators.github --port N --repository PATH`: GitHub in a process of its own."""

import argparse
from pathlib import Path

from devtools.emulators.github.app import github_app
from devtools.emulators.github.arguments import repository
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.serving import serve_forever


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.emulators.github", description="An emulator of GitHub."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument("--repository", type=Path, required=True, metavar="PATH", help="the bare repository")
    parser.add_argument(
        "--seed", type=Path, metavar="FOLDER", help="make the repository anew, of these files"
    )
    parser.add_argument("--full-name", default="acme/todo-app", help="its owner/name on GitHub")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        type=repository,
        metavar="OWNER/NAME=PATH",
        help="another bare repository to serve; may be repeated",
    )
    parser.add_argument("--token", default="", help="refuse requests without this token")
    return parser.parse_args()


def main() -> None:
    """Serve until interrupted."""
    arguments = _arguments()
    if arguments.seed is None:
        first = Repository(path=arguments.repository, full_name=arguments.full_name)
    else:
        first = create(arguments.repository, arguments.seed, full_name=arguments.full_name)
    app = github_app(first, *arguments.also, token=arguments.token)
    serve_forever(app, port=arguments.port, name="github")


if __name__ == "__main__":
    main()
