"""`python -m devtools.demo.emulators`, or `make emulators`: the systems that the sample settings name.

    cp local.settings.sample.json local.settings.json
    make emulators & make host

Then clone the repository whose path is printed and push a branch. The host receives GitHub's webhooks.
"""

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from devtools.demo.github import forward_pushes
from devtools.demo.processes import ROOT, NotStartedError, started, write_kubeconfig
from devtools.demo.world import SAMPLE, SEED, SYSTEM_NAMESPACE
from devtools.emulators.github.repository import Repository
from devtools.host.settings import read_values
from devtools.interrupts import ended_by_signals

KUBERNETES_PORT = 7083
_FOLDER = ROOT / "build" / "emulators"
_WEBHOOK = "http://127.0.0.1:7071/api/github"


def main() -> int:
    """Serve until interrupted.

    Returns:
        The exit code: 1 if an emulator did not start.
    """
    settings = read_values(SAMPLE)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    repository = Repository(path=_FOLDER / "todo-app.git", full_name=settings["GITHUB_REPOSITORY"])
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            for module, arguments in _commands(settings, repository.path).items():
                log = _FOLDER / f"{module}.log"
                server = stack.enter_context(started(module, *arguments, log=log))
                _print(f"{module} on {server.url}")
            kubernetes = f"http://127.0.0.1:{KUBERNETES_PORT}"
            write_kubeconfig(ROOT / settings["KUBECONFIG"], kubernetes)
            httpx.post(
                f"{kubernetes}/api/v1/namespaces", json=SYSTEM_NAMESPACE, trust_env=False
            ).raise_for_status()
            _print(f"git clone {repository.path}, push a branch: {_WEBHOOK} gets the webhook")
            forward_pushes(repository, _WEBHOOK, settings["GITHUB_WEBHOOK_SECRET"], _print)
    except NotStartedError as error:
        _print(str(error))
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _commands(settings: Mapping[str, str], repository: Path) -> dict[str, tuple[str, ...]]:
    """Each emulator's module and arguments; an existing repository is kept."""

    def port(setting: str) -> str:
        return str(urlsplit(settings[setting]).port)

    seed = () if repository.exists() else SEED
    return {
        "devtools.emulators.arm": ("--port", port("AZURE_RESOURCE_MANAGER_URL")),
        "devtools.emulators.github": (
            "--port",
            port("GITHUB_API_URL"),
            "--repository",
            str(repository),
            *seed,
        ),
        "devtools.emulators.kubernetes": ("--port", str(KUBERNETES_PORT)),
    }


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
