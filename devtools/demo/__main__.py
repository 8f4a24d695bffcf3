"""`python -m devtools.demo`, or `make demo`: the main job and a night on emulators; the last line is one JSON
object.

No configured cluster is touched, whatever the shell says. `DEMO_KUBECONFIG=<file>` alone has it use a real
one.
"""

import contextlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

import httpx
import psycopg

from coppice.reconciler.errors import Failure
from devtools.demo.assertions import NotAsToldError
from devtools.demo.branch_scenario import tell
from devtools.demo.console import Teller
from devtools.demo.databases import databases_if_installed
from devtools.demo.gitops import gitops, with_schedule
from devtools.demo.narrator import Narrator
from devtools.demo.power_scenario import tell_night
from devtools.demo.processes import ROOT, NotStartedError, shell, tail
from devtools.demo.world import program, world
from devtools.emulators.github.git import GitError
from devtools.interrupts import ended_by_signals

_FOLDER = ROOT / "build" / "demo"


def main() -> int:
    """Tell the story; the exit code is 1 if it did not come true."""
    say = Teller()
    named = os.environ.get("DEMO_KUBECONFIG")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = shell().variables["NO_PROXY"]  # the night runs in here
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    started = time.monotonic()
    say.title("Coppice: a branch gets its environment and loses it again; dev and staging sleep at night.")
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            kubeconfig = Path(named) if named else None
            made = world(_FOLDER, kubeconfig=kubeconfig, databases=databases_if_installed(stack, say))
            place = with_schedule(stack.enter_context(made))
            running = stack.enter_context(program(place))
            _introduce(say, named)
            narrator = Narrator(world=place, program=running, say=say)
            tell(narrator)
            if named is None:
                stack.enter_context(gitops(place))
                tell_night(narrator)
            else:
                say.remark("No evening and no morning here: they need Argo CD, Flux and pools to switch off.")
    except KeyboardInterrupt:
        say.ending("Interrupted; everything that was started is stopped.")
        return 130
    except (
        NotAsToldError,
        NotStartedError,
        GitError,
        Failure,
        httpx.HTTPError,
        OSError,
        psycopg.Error,
    ) as error:
        say.failure(f"{type(error).__name__}: {error}")
        log = _FOLDER / "host.log"
        if log.exists():
            say.remark(f"The end of {log}:")
            sys.stdout.write(f"{tail(log)}\n")
        return 1
    seconds = round(time.monotonic() - started, 1)
    say.ending(
        f"All of it as told, in {seconds} s. What the host logged: {(_FOLDER / 'host.log').relative_to(ROOT)}"
    )
    told = {name: getattr(narrator, name) for name in ("provisioned", "removed", "asleep", "woken")}
    sys.stdout.write(json.dumps({**told, "seconds": seconds}) + "\n")
    return 0


def _introduce(say: Teller, kubeconfig: str | None) -> None:
    where = f"Kubernetes is the cluster of {kubeconfig}" if kubeconfig else "so is Kubernetes"
    say.remark(
        f"GitHub and Azure are emulators on this machine, {where}. Between them runs the program, as it does "
        "in Azure. What stands, and what is gone, is read from those systems themselves."
    )
    ignored = shell().ignored
    if ignored:
        say.remark(
            f"Set in the shell and ignored, for the demo has settings of its own: {', '.join(ignored)}."
        )


if __name__ == "__main__":
    sys.exit(main())
