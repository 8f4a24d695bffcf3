"""The demo: the branch scenario, then the power scenario, on emulators; the last line is one JSON object.

The demo touches no configured cluster, whatever the shell's variables say. Only `DEMO_KUBECONFIG=<file>`
makes it use a real one.
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
from devtools.demo.assertions import UnexpectedStateError
from devtools.demo.branch_scenario import run_branch_scenario
from devtools.demo.console import Console
from devtools.demo.databases import databases_if_installed
from devtools.demo.gitops import gitops, with_schedule
from devtools.demo.narrator import Narrator
from devtools.demo.power_scenario import run_power_scenario
from devtools.demo.processes import ROOT, NotStartedError, shell, tail
from devtools.demo.world import program, world
from devtools.emulators.github.git import GitError
from devtools.interrupts import ended_by_signals

_FOLDER = ROOT / "build" / "demo"


def main() -> int:
    """Run the demo.

    Returns:
        The exit code: 0 if every check passed, 1 if one failed, 130 if the demo was interrupted.
    """
    console = Console()
    kubeconfig = os.environ.get("DEMO_KUBECONFIG")
    # The power scenario calls the emulators from this process.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = shell().variables["NO_PROXY"]
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    started = time.monotonic()
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            databases = databases_if_installed(stack, console)
            outside = world(_FOLDER, kubeconfig=Path(kubeconfig) if kubeconfig else None, databases=databases)
            systems = with_schedule(stack.enter_context(outside))
            running = stack.enter_context(program(systems))
            _introduce(console, kubeconfig)
            narrator = Narrator(world=systems, program=running, console=console)
            run_branch_scenario(narrator)
            if kubeconfig is None:
                stack.enter_context(gitops(systems))
                run_power_scenario(narrator)
            else:
                console.remark(
                    "The night is left out on a real cluster: it needs Argo CD, Flux and agent pools."
                )
    except KeyboardInterrupt:
        console.ending("Interrupted. All processes that the demo started are stopped.")
        return 130
    except (
        UnexpectedStateError,
        NotStartedError,
        GitError,
        Failure,
        httpx.HTTPError,
        OSError,
        psycopg.Error,
    ) as error:
        console.failure(f"{type(error).__name__}: {error}")
        log = _FOLDER / "host.log"
        if log.exists():
            console.remark(f"The end of {log}:")
            sys.stdout.write(f"{tail(log)}\n")
        return 1
    seconds = round(time.monotonic() - started, 1)
    console.ending(f"All checks passed, in {seconds} s. Logs: {_FOLDER.relative_to(ROOT)}/*.log")
    names = {name: getattr(narrator, name) for name in ("provisioned", "removed", "asleep", "woken")}
    sys.stdout.write(json.dumps({**names, "seconds": seconds}) + "\n")
    return 0


def _introduce(console: Console, kubeconfig: str | None) -> None:
    cluster = f"Kubernetes is the cluster of {kubeconfig}." if kubeconfig else "So is Kubernetes."
    console.remark(
        f"GitHub and Azure are emulators on this machine. {cluster} The program runs in a functions host, as "
        "it does in Azure. What exists and what is gone is read from those systems directly. The program's "
        f"log is {(_FOLDER / 'host.log').relative_to(ROOT)}."
    )
    ignored = shell().ignored
    if ignored:
        console.remark(f"The demo has settings of its own. It ignores the shell's {', '.join(ignored)}.")
