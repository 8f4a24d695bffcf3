"""A world, the program in it, and who acts there: what every end-to-end test plays with."""

import io
from dataclasses import dataclass

import httpx

from coppice.components.namespace import BRANCH, REVISION
from devtools.demo.actors import Actors
from devtools.demo.assertions import UnexpectedStateError, until
from devtools.demo.console import Console
from devtools.demo.probes import Probes
from devtools.demo.world import Program, World
from devtools.emulators.github.webhooks import Delivery, delete_payload


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a test acts on, and looks at.

    Attributes:
        branch: a name that no other test has: keys that wait for their turn outlive a test.
        foreign: what others have left in the world before this stage was set.
    """

    world: World
    program: Program
    branch: str
    foreign: frozenset[str] = frozenset()

    @property
    def namespace(self) -> str:
        """The namespace that the test's own branch gets."""
        return self.branch.replace("/", "-")

    @property
    def api(self) -> httpx.Client:
        return self.program.http

    @property
    def eyes(self) -> Probes:
        return Probes(cluster=self.world.cluster, arm=self.world.arm, databases=self.world.databases)

    @property
    def actors(self) -> Actors:
        return Actors(world=self.world, program=self.program, console=Console(out=io.StringIO()))

    def stand(self) -> None:
        """Bring the test's own branch its environment; of this no message is left on the way."""
        self.actors.push(self.branch, webhooks_arrive=False)
        self.api.post("/api/sweep").raise_for_status()
        assert self.stands(self.branch) == self.namespace
        until("its environment is finished", self.converged, seconds=20)

    def converged(self) -> bool:
        """Whether a sweep would find nothing to do."""
        found = self.api.post("/api/sweep", params={"dry_run": "true"}).raise_for_status().json()
        return not found["make"] + found["remove"]

    def stands(self, branch: str) -> str:
        """Wait until a branch's commit has been applied, and return the namespace's name."""
        commit = self.world.heads()[branch]

        def look() -> str:
            found = self.eyes.environment(branch)
            noted = found["metadata"].get("annotations", {}) if found else {}
            return str(found["metadata"]["name"]) if found and noted.get(REVISION) == commit else ""

        return until(f"{branch} is applied at {commit[:12]}", look, seconds=20)

    def is_gone(self, branch: str, namespace: str) -> None:
        """Wait until nothing tells of a branch any more."""
        until(
            f"nothing is left of {namespace}",
            lambda: not self.eyes.traces(namespace=namespace, branch=branch),
            seconds=20,
        )

    def clear(self) -> None:
        """Take away every branch and every environment."""
        self.world.clone.forget()
        branches = {each for each in self.world.heads() if each != "main"}
        owners = {
            each["metadata"].get("annotations", {}).get(BRANCH) for each in self.eyes.records_and_leases()
        }
        for branch in branches:
            self.world.repository.delete(branch)
        for branch in branches | owners - {None}:
            payload = delete_payload(self.world.repository, branch=branch)
            secret = self.world.settings["GITHUB_WEBHOOK_SECRET"]
            self.program.deliver(Delivery(event="delete", payload=payload), secret=secret)
        try:
            until("everything is cleared away", lambda: not self._left(), seconds=90)
        except UnexpectedStateError as error:
            raise UnexpectedStateError(f"{error}; what is left: {', '.join(self._left())}") from error

    def _left(self) -> list[str]:
        return [each for each in self.eyes.leftovers() if each not in self.foreign]
