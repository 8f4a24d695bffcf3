"""What the steps of the story have in common: wait until something is so, and show it."""

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
from devtools.demo.console import Teller
from devtools.demo.parts import show_parts
from devtools.demo.probes import Eyes, runs
from devtools.demo.world import Program, World


@dataclass(frozen=True, kw_only=True)
class Narrator:
    """Watches the world while the program works, and tells what comes of it.

    Attributes:
        world: where it takes place.
        program: what it is about.
        say: how it is told.
        patience: seconds that anything may take.
        provisioned: namespaces that came into being.
        removed: namespaces that went.
        asleep: agent pools that were put to sleep.
        woken: agent pools that were woken.
    """

    world: World
    program: Program
    say: Teller
    patience: float = 60
    provisioned: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    asleep: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)

    @property
    def actors(self) -> Actors:
        """Those who act."""
        return Actors(world=self.world, program=self.program, say=self.say)

    @property
    def eyes(self) -> Eyes:
        """What sees the world."""
        return Eyes(cluster=self.world.cluster, arm=self.world.arm, databases=self.world.databases)

    def applied(self, branch: str) -> dict[str, Any]:
        """Wait until a branch's commit has been applied, and return the namespace."""
        commit = self.world.heads()[branch]

        def look() -> dict[str, Any] | None:
            found = self.eyes.environment(branch)
            return found if found and found["metadata"]["annotations"].get(REVISION) == commit else None

        return until(f"{branch} is applied at {commit[:12]}", look, seconds=self.patience)

    def ready(self, branch: str) -> None:
        """Wait until what was applied is up."""

        def look() -> bool:
            found = self.eyes.environment(branch)
            return found is not None and found["metadata"]["annotations"][RESULT] == READY

        started = time.monotonic()
        until(f"the environment of {branch} is {READY}", look, seconds=self.patience)
        self.say.fact("rollout", f"{READY}, {time.monotonic() - started:.1f} s after it was applied")

    def show(self, namespace: dict[str, Any]) -> None:
        """Show an environment that has just come into being."""
        metadata = namespace["metadata"]
        name, noted = metadata["name"], metadata["annotations"]
        credentials = self.eyes.credentials_of(name)
        self.say.fact("namespace", name)
        for label in (MANAGED_BY, PART_OF, POD_SECURITY):
            self.say.fact("  label", f"{label}={metadata['labels'][label]}")
        for annotation in (BRANCH, REVISION, IDENTITY, URL):
            self.say.fact("  annotation", f"{annotation}={noted[annotation]}")
        for one in credentials:
            self.say.fact("credential", f"{one.name} on {one.identity}")
            self.say.fact("  lets in", one.subject)
        self.say.fact("objects", _counted(self.eyes.objects(name)))
        ensure([one.identity for one in credentials] == [noted[IDENTITY]], "one credential, on its identity")
        show_parts(self.eyes, self.say, name, identity=noted[IDENTITY])
        self.provisioned.append(name)

    def refusal(self, branch: str) -> str:
        """Why the overlay of a branch was refused; empty as long as it was not."""
        verdict = self.program.http.get(f"/api/environments/{branch}").raise_for_status().json()["wanted"]
        return str(verdict["why"]) if verdict["verdict"] == "refused" else ""

    def gone(self, branch: str, namespace: str) -> None:
        """Wait until nothing tells of an environment any more."""
        until(
            f"nothing is left of {namespace}",
            lambda: not self.eyes.traces(namespace=namespace, branch=branch),
            seconds=self.patience,
        )
        receipts = [run["receipt"] for run in runs(self.program.log, branch) if "receipt" in run]
        for resource, end in receipts[-1].items():
            self.say.fact("receipt", f"{resource} {end}")
        self.removed.append(namespace)

    def sweep(self, kind: str, branch: str) -> dict[str, Any]:
        """Sweep, after a dry run that finds one branch and nothing else."""
        plan = self.program.http.post("/api/sweep", params={"dry_run": "true"}).raise_for_status().json()
        self.say.command("curl -X POST …/api/sweep?dry_run=true")
        found = {each: [one["branch"] for one in plan[each]] for each in ("make", "remove")}
        self.say.fact("plan", f"{json.dumps(found)}, digest {plan['digest']}")
        ensure(found[kind] == [branch], f"the sweep finds {branch} to {kind}")
        self.say.command("curl -X POST …/api/sweep")
        queued = self.program.http.post("/api/sweep").raise_for_status().json()["queued"]
        ensure(queued == 1, "one key went onto the queue")
        return dict(plan[kind][0])


def _counted(objects: Iterable[tuple[str, str]]) -> str:
    counts = Counter(kind for kind, _ in objects)
    return f"{counts.total()}: " + ", ".join(
        f"{number} {kind}" if number > 1 else kind for kind, number in sorted(counts.items())
    )
