"""`python -m devtools.demo.emulators`, or `make emulators`: the systems that the sample settings name.

    cp local.settings.sample.json local.settings.json
    make emulators & make host

Then clone the repository that this prints and push a branch: what GitHub would send goes to the host.
"""

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from devtools.demo.github import tell_of_pushes
from devtools.demo.processes import ROOT, NotStartedError, started, write_kubeconfig
from devtools.demo.world import SAMPLE, SEED, SYSTEM_NAMESPACE
from devtools.emulators.github.repository import Repository
from devtools.host.settings import read_values
from devtools.interrupts import ended_by_signals

KUBERNETES_PORT = 7083
_FOLDER = ROOT / "build" / "emulators"
_WEBHOOK = "http://127.0.0.1:7071/api/github"


def main() -> int:
    """Serve until interrupted; the exit code is 1 if an emulator did not start."""
    settings = read_values(SAMPLE)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    repository = Repository(path=_FOLDER / "todo-app.git", full_name=settings["GITHUB_REPOSITORY"])
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            for module, arguments in _commands(settings, repository.path).items():
                log = _FOLDER / f"{module}.log"
                server = stack.enter_context(started(module, *arguments, log=log))
                _say(f"{module} on {server.url}")
            kubernetes = f"http://127.0.0.1:{KUBERNETES_PORT}"
            write_kubeconfig(ROOT / settings["KUBECONFIG"], kubernetes)
            httpx.post(
                f"{kubernetes}/api/v1/namespaces", json=SYSTEM_NAMESPACE, trust_env=False
            ).raise_for_status()
            _say(f"git clone {repository.path}, push a branch, and {_WEBHOOK} is told")
            tell_of_pushes(repository, _WEBHOOK, settings["GITHUB_WEBHOOK_SECRET"], _say)
    except NotStartedError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _commands(settings: Mapping[str, str], repository: Path) -> dict[str, tuple[str, ...]]:
    """Each emulator's module and arguments; a repository that stands is kept."""

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


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
