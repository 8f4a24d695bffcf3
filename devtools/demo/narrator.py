"""What the scenarios' steps have in common: wait for a state, check it and print it."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from coppice.components.namespace import (
    BRANCH,
    IDENTITY,
    MANAGED_BY,
    PART_OF,
    POD_SECURITY,
    READY,
    RESULT,
    REVISION,
    URL,
)
from devtools.demo.actors import Actors
from devtools.demo.assertions import ensure, until
from devtools.demo.console import Console
from devtools.demo.parts import show_parts
from devtools.demo.probes import Probes, runs
from devtools.demo.world import Program, World


@dataclass(frozen=True, kw_only=True)
class Narrator:
    """Waits for what the program does, checks it and prints it.

    Attributes:
        world: the outside systems.
        program: the program, in its host.
        console: what is printed to.
        patience: the time limit of each wait, in seconds.
        provisioned: namespaces that were created.
        removed: namespaces that were deleted.
        asleep: agent pools that were put to sleep.
        woken: agent pools that were woken.
    """

    world: World
    program: Program
    console: Console
    patience: float = 60
    provisioned: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    asleep: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)

    @property
    def actors(self) -> Actors:
        """The developer and GitHub."""
        return Actors(world=self.world, program=self.program, console=self.console)

    @property
    def probes(self) -> Probes:
        """What reads the outside systems directly."""
        return Probes(cluster=self.world.cluster, arm=self.world.arm, databases=self.world.databases)

    def applied(self, branch: str) -> dict[str, Any]:
        """Wait until a branch's latest commit is applied.

        Returns:
            The environment's namespace.
        """
        commit = self.world.heads()[branch]

        def probe() -> dict[str, Any] | None:
            found = self.probes.environment(branch)
            return found if found and found["metadata"]["annotations"].get(REVISION) == commit else None

        return until(f"{branch} is applied at {commit[:12]}", probe, seconds=self.patience)

    def ready(self, branch: str) -> None:
        """Wait until the environment of a branch is ready."""

        def probe() -> bool:
            found = self.probes.environment(branch)
            return found is not None and found["metadata"]["annotations"][RESULT] == READY

        started = time.monotonic()
        until(f"the environment of {branch} is {READY}", probe, seconds=self.patience)
        self.console.fact("rollout", f"{READY}, after a wait of {time.monotonic() - started:.1f} s")

    def show(self, namespace: dict[str, Any]) -> None:
        """Print and check a new environment.

        Args:
            namespace: the environment's namespace.
        """
        metadata = namespace["metadata"]
        name, annotations = metadata["name"], metadata["annotations"]
        credentials = self.probes.credentials_of(name)
        self.console.fact("namespace", name)
        for label in (MANAGED_BY, PART_OF, POD_SECURITY):
            self.console.fact("  label", f"{label}={metadata['labels'][label]}")
        for annotation in (BRANCH, REVISION, IDENTITY, URL):
            self.console.fact("  annotation", f"{annotation}={annotations[annotation]}")
        for one in credentials:
            self.console.fact("credential", f"{one.name} on {one.identity}")
            self.console.fact("  subject", one.subject)
        self.console.fact("objects", _count_by_kind(self.probes.objects(name)))
        ensure(
            [one.identity for one in credentials] == [annotations[IDENTITY]],
            "one credential, on its identity",
        )
        show_parts(self.probes, self.console, name, identity=annotations[IDENTITY])
        self.provisioned.append(name)

    def refusal(self, branch: str) -> str:
        """Why the overlay of a branch was refused; empty if it was not."""
        verdict = self.program.http.get(f"/api/environments/{branch}").raise_for_status().json()["wanted"]
        return str(verdict["why"]) if verdict["verdict"] == "refused" else ""

    def gone(self, branch: str, namespace: str) -> None:
        """Wait until nothing of an environment is left, and print the receipt of its removal."""
        until(
            f"nothing is left of {namespace}",
            lambda: not self.probes.traces(namespace=namespace, branch=branch),
            seconds=self.patience,
        )
        receipts = [run["receipt"] for run in runs(self.program.log, branch) if "receipt" in run]
        for resource, end in receipts[-1].items():
            self.console.fact("receipt", f"{resource} {end}")
        self.removed.append(namespace)

    def sweep(self, kind: str, branch: str) -> dict[str, Any]:
        """Sweep, after a dry run that finds one branch and nothing else.

        Args:
            kind: `make` or `remove`: what the sweep is to do with the branch.
            branch: the branch.

        Returns:
            The sweep's entry for the branch.
        """
        plan = self.program.http.post("/api/sweep", params={"dry_run": "true"}).raise_for_status().json()
        self.console.command("curl -X POST '…/api/sweep?dry_run=true'")
        found = {each: [one["branch"] for one in plan[each]] for each in ("make", "remove")}
        self.console.fact("plan", f"{json.dumps(found)}, digest {plan['digest']}")
        ensure(found[kind] == [branch], f"the sweep finds {branch} to {kind}")
        self.console.command("curl -X POST …/api/sweep")
        queued = self.program.http.post("/api/sweep").raise_for_status().json()["queued"]
        ensure(queued == 1, "the sweep queues one branch")
        return dict(plan[kind][0])


def _count_by_kind(objects: Iterable[tuple[str, str]]) -> str:
    counts = Counter(kind for kind, _ in objects)
    return f"{counts.total()}: " + ", ".join(
        f"{number} {kind}" if number > 1 else kind for kind, number in sorted(counts.items())
    )
