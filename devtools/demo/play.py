"""`python -m devtools.demo.play`, or `make try`: the program between its emulators, and a branch with its
environment, to play with until interrupted.
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
from devtools.demo.assertions import NotAsToldError
from devtools.demo.console import Teller
from devtools.demo.databases import databases_if_installed
from devtools.demo.github import tell_of_pushes
from devtools.demo.narrator import Narrator
from devtools.demo.processes import ROOT, NotStartedError, shell
from devtools.demo.world import SAMPLE, program, world
from devtools.emulators.github.git import GitError
from devtools.host.settings import read_values
from devtools.interrupts import ended_by_signals

_BRANCH = "feature/new-login"


def main() -> int:
    """Serve until interrupted; the exit code is 1 if something did not start."""
    parser = argparse.ArgumentParser(prog="python -m devtools.demo.play")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "try", help="where all of it lies")
    folder: Path = parser.parse_args().folder
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = shell().variables["NO_PROXY"]
    say = Teller()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            lock = stack.enter_context(folder.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            say.title("GitHub, Azure and Kubernetes start as emulators, and the program between them.")
            place = stack.enter_context(world(folder, databases=databases_if_installed(stack, say)))
            sweeps = read_values(SAMPLE)["SWEEP_SCHEDULE"]
            running = stack.enter_context(program(place, SWEEP_SCHEDULE=sweeps))
            narrator = Narrator(world=place, program=running, say=say)
            with say.step(f"{_BRANCH} is pushed", then="It has its environment"):
                narrator.actors.push(_BRANCH)
                url = narrator.applied(_BRANCH)["metadata"]["annotations"][URL]
                narrator.ready(_BRANCH)
                say.fact("URL", url)
                say.remark("The pods of the emulator are played, so that nothing answers there.")
            _suggest(say, running.server.url, folder)
            secret = place.settings["GITHUB_WEBHOOK_SECRET"]
            tell_of_pushes(
                place.repository,
                f"{running.server.url}/api/github",
                secret,
                lambda line: say.fact("webhook", line),
            )
    except BlockingIOError:
        say.failure("Another `make try` is running here. End that one first.")
        return 1
    except KeyboardInterrupt:
        say.ending("Everything that was started is stopped.")
    except (NotStartedError, NotAsToldError, GitError, httpx.HTTPError) as error:
        say.failure(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _suggest(say: Teller, url: str, folder: Path) -> None:
    folder = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    environment = f"{url}/api/environments/{_BRANCH}"
    say.ending("Try next, in another terminal:")
    for command, why in (
        (f"curl {url}/api/environments", "all environments"),
        (f"curl {environment}", "this one: what stands, and what a run would do"),
        (f"curl -X DELETE {environment}", "it goes, until the branch is pushed to"),
        (f"curl -X PUT {environment}", "and comes back"),
        (f"curl -X POST '{url}/api/sweep?dry_run=true'", "what a sweep would find"),
        (f"git -C {folder}/clone switch -c feature/mine", "a branch of your own"),
        (f"git -C {folder}/clone push origin feature/mine", "whose push is told as GitHub tells it"),
        (f"git -C {folder}/clone push origin --delete feature/mine", "and whose end as well"),
        (f"tail -f {folder}/host.log", "what the program logs"),
    ):
        say.remark(f"# {why}")
        say.command(command)
    say.remark("docs/api.md explains the answers. Ctrl-C ends it all.")


if __name__ == "__main__":
    sys.exit(main())
