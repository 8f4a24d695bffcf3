"""`python -m devtools.demo.play`, or `make try`: the program with its emulators and one branch, to try out.

Everything runs until it is interrupted.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import sys
from pathlib import Path

import httpx

from coppice.components.namespace import URL
from devtools.demo.assertions import UnexpectedStateError
from devtools.demo.console import Console
from devtools.demo.databases import databases_if_installed
from devtools.demo.github import forward_pushes
from devtools.demo.narrator import Narrator
from devtools.demo.processes import ROOT, NotStartedError, shell
from devtools.demo.world import SAMPLE, program, world
from devtools.emulators.github.git import GitError
from devtools.host.settings import read_values
from devtools.interrupts import ended_by_signals

_BRANCH = "feature/new-login"


def main() -> int:
    """Serve until interrupted.

    Returns:
        The exit code: 1 if something did not start.
    """
    parser = argparse.ArgumentParser(prog="python -m devtools.demo.play")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "try", help="where all files are written"
    )
    folder: Path = parser.parse_args().folder
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = shell().variables["NO_PROXY"]
    console = Console()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            lock = stack.enter_context(folder.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            console.title("Starting emulators of GitHub, Azure and Kubernetes, and the functions host.")
            systems = stack.enter_context(world(folder, databases=databases_if_installed(stack, console)))
            sweeps = read_values(SAMPLE)["SWEEP_SCHEDULE"]
            running = stack.enter_context(program(systems, SWEEP_SCHEDULE=sweeps))
            narrator = Narrator(world=systems, program=running, console=console)
            with console.step(f"{_BRANCH} is pushed", then="It has its environment"):
                narrator.actors.push(_BRANCH)
                url = narrator.applied(_BRANCH)["metadata"]["annotations"][URL]
                narrator.ready(_BRANCH)
                console.fact("URL", url)
                console.remark("The emulator only simulates pods, so nothing answers at this URL.")
            _suggest(console, running.server.url, folder)
            secret = systems.settings["GITHUB_WEBHOOK_SECRET"]
            forward_pushes(
                systems.repository,
                f"{running.server.url}/api/github",
                secret,
                lambda line: console.fact("webhook", line),
            )
    except BlockingIOError:
        console.failure("Another `make try` is running in this folder. Stop that one first.")
        return 1
    except KeyboardInterrupt:
        console.ending("All processes that were started are stopped.")
    except (NotStartedError, UnexpectedStateError, GitError, httpx.HTTPError) as error:
        console.failure(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _suggest(console: Console, url: str, folder: Path) -> None:
    folder = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    environment = f"{url}/api/environments/{_BRANCH}"
    console.ending("Try next, in another terminal:")
    for command, why in (
        (f"curl {url}/api/environments", "all environments"),
        (f"curl {environment}", "this environment: what exists, and what a run would change"),
        (f"curl -X DELETE {environment}", "remove it, until the next push to the branch"),
        (f"curl -X PUT {environment}", "make it again"),
        (f"curl -X POST '{url}/api/sweep?dry_run=true'", "what a sweep would change"),
        (f"git -C {folder}/clone switch -c feature/mine", "a branch of your own"),
        (f"git -C {folder}/clone push origin feature/mine", "push it: the webhook follows"),
        (f"git -C {folder}/clone push origin --delete feature/mine", "delete it: the webhook follows"),
        (f"tail -f {folder}/host.log", "the program's log"),
    ):
        console.remark(f"# {why}")
        console.command(command)
    console.remark("docs/reference/http-api.md explains the responses. Ctrl-C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
