"""The world in memory behind the scheduler's protocols, and locks that are always free."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coppice.reconciler.errors import Conflict, Forbidden, Rejected
from coppice.reconciler.execution import Lease
from coppice.reconciler.observation import Present, Reading, Unknown
from scheduler.flags import Commit
from scheduler.gitops import Synced
from scheduler.ledger import Ledger
from scheduler.nodes import Budget, Node, Pod
from scheduler.overrides import Override
from scheduler.pools import Allowed, Pool, Shape
from scheduler.schedule import Sync

if TYPE_CHECKING:
    from tests.unit.scheduler.world import World

REPOSITORY, FILE = "acme/gitops", "dev.yaml"


@dataclass
class Ports:
    """The world in memory behind the scheduler's protocols."""

    world: "World"

    def default_branch(self, repository: str) -> str:
        return self.world.call("git", lambda: "main")

    def head(self, repository: str, branch: str) -> str | None:
        return self.world.call("git", lambda: self.world.heads() if branch == "main" else None)

    def file(self, repository: str, revision: str, path: str) -> str | None:
        def read_world() -> str | None:
            return self.world.commits[int(revision[1:])] if path == FILE else None

        return self.world.call("git", read_world)

    def commit(self, commit: Commit) -> None:
        def write() -> None:
            if self.world.protected_branch:
                raise Forbidden("main is protected: let Coppice's app by")
            if commit.parent != self.world.head:
                raise Conflict("main has moved on")
            self.world.push(commit.files[FILE])

        self.world.call("git", write, write=True)

    def objects(self, sync: Sync) -> tuple[Synced, ...]:
        def read_world() -> tuple[Synced, ...]:
            app = self.world.app
            if app.gone:
                return ()
            pending = [pod for pod in self.world.pods if pod.phase == "Pending"]
            return (
                Synced(
                    kind=sync.kind,
                    namespace=sync.namespace,
                    name=sync.name,
                    revisions={REPOSITORY: app.revision},
                    unsynced=app.failing,
                    unhealthy="Progressing" if pending else "",
                    refreshing=app.refreshing,
                ),
            )

        return self.world.call("argocd", read_world)

    def refresh(self, synced: Synced) -> None:
        self.world.call("argocd", lambda: setattr(self.world.app, "refreshing", True), write=True)

    def pools(self) -> tuple[Pool, ...]:
        return self.world.call("arm", lambda: tuple(self.world.pools.values()))

    def put(self, allowed: Allowed, shape: Shape) -> None:
        """https://learn.microsoft.com/azure/aks/scale-cluster."""

        def write() -> None:
            pool, world = self.world.pools[allowed.pool.name], self.world
            assert pool.mode == "User"
            assert pool.name not in {"prod", "system"}
            if pool.etag != allowed.pool.etag:
                raise Conflict("the pool has changed")
            if any(each.busy for each in world.pools.values()):
                raise Conflict("another operation is in progress", retry_after=30)
            counted = shape.count != pool.shape.count
            assert not (counted and (shape.autoscaler or pool.shape.autoscaler)), "two PUTs each way"
            assert pool.shape.tag in {"", shape.tag} or not shape.tag, "the snapshot was overwritten"
            world.puts.append((pool.name, shape))
            etag = str(int(pool.etag) + 1)
            world.pools[pool.name] = replace(
                pool, shape=shape, provisioning_state="Updating", etag=etag, error=""
            )

        self.world.call("arm", write, write=True)

    def nodes(self) -> tuple[Node, ...]:
        def read_world() -> tuple[Node, ...]:
            return tuple(
                Node(name=f"{pool}-{n}", pool=pool, ready=True, labels={"agentpool": pool})
                for pool, count in self.world.nodes.items()
                for n in range(count)
            ) + tuple(
                Node(name=f"{pool}-off-{n}", pool=pool, ready=False, running=False)
                for pool, count in self.world.deallocated.items()
                for n in range(count)
            )

        return self.world.call("cluster", read_world)

    def pods_on(self, nodes: Iterable[str]) -> tuple[Pod, ...]:
        names = set(nodes)
        return self.world.call("cluster", lambda: tuple(p for p in self.world.pods if p.node in names))

    def pods_in(self, namespaces: Iterable[str]) -> tuple[Pod, ...]:
        names = set(namespaces)
        return self.world.call("cluster", lambda: tuple(p for p in self.world.pods if p.namespace in names))

    def budgets(self, namespaces: Iterable[str]) -> tuple[Budget, ...]:
        names = set(namespaces)
        return self.world.call(
            "cluster", lambda: tuple(b for b in self.world.budgets if b.namespace in names)
        )

    def ledger(self, environment: str) -> Ledger:
        if self.world.unparseable_ledger:
            raise Rejected("ConfigMap ledger-dev cannot be read: mend it by hand")
        empty = Ledger(environment=environment)
        return self.world.call("ledgers", lambda: self.world.ledgers.get(environment, empty))

    def ledgers(self) -> tuple[Reading[Ledger], ...]:
        if self.world.unparseable_ledger:
            return (Unknown(Rejected("ConfigMap ledger-dev cannot be read: mend it by hand")),)
        return self.world.call("ledgers", lambda: tuple(map(Present, self.world.ledgers.values())))

    def overrides(self) -> tuple[Override, ...]:
        return self.world.call("overrides", lambda: tuple(self.world.overrides.values()))


@dataclass
class LedgerPort:
    """Writes ledgers."""

    world: "World"

    def write(self, ledger: Ledger) -> None:
        def write() -> None:
            before: Mapping[str, Ledger] = self.world.ledgers
            current = before[ledger.environment].version if ledger.environment in before else ""
            if current != ledger.version:
                raise Conflict("the ledger has changed")
            self.world.ledgers[ledger.environment] = replace(ledger, version=str(int(current or 0) + 1))

        self.world.call("ledgers", write, write=True)


class Locks:
    """Locks that are always free."""

    def state(self, name: str) -> object:
        return name

    @contextmanager
    def hold(
        self, name: str, *, patience: float = 0, since: Reading[object] | None = None
    ) -> Iterator[Lease | None]:
        yield HeldLease()


class HeldLease:
    """A lease that is held."""

    undisturbed = True

    def renew(self) -> None:
        """Nobody else wants it."""
