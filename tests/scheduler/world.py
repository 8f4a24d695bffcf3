"""A small world in memory: Git, Argo CD or Flux, AKS with its rules, a cluster, and the books.

It changes only in `settle`, so that a test decides what happens between two looks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from loop.errors import Conflict, Failure, Forbidden, Unreachable
from loop.outcome import Done
from loop.report import Report
from loop.run import Lease
from scheduler.documents import Path, get
from scheduler.flags import Commit
from scheduler.ledger import Ledger
from scheduler.load import load
from scheduler.observe import Readers
from scheduler.overrides import Override
from scheduler.pods import Budget, Node, Pod
from scheduler.pools import Allowed, Autoscaler, Pool, Shape
from scheduler.reconcile import Reconciler
from scheduler.schedule import Schedule, Sync
from scheduler.steps import Steps
from scheduler.sync import Synced

REPOSITORY, FILE = "acme/gitops", "dev.yaml"
PATH = Path.parse("environment.state")
EVENING = datetime.fromisoformat("2026-03-02T20:00:00+00:00")  # a Monday
MORNING = datetime.fromisoformat("2026-03-03T06:00:00+00:00")

SCHEDULE = """\
protected_pools: [prod]
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [ameide-dev]
    pools: [dev, gpu]
    state: [{file: dev.yaml, path: environment.state}]
    sync: [{argocd: argocd/dev}]
    leftovers: ["cnpg-system/*"]
"""

DEV = Shape(2, Autoscaler(1, 3))

A = TypeVar("A")


@cache
def loaded(text: str) -> Schedule:
    """Read a schedule once."""
    return load(text)


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass
class App:
    """An Application, its repository's commit that it is synced at, and how slow it is."""

    revision: str
    refreshing: bool = False
    failing: str = ""
    slow: int = 0  # settles that a sync takes more
    one_behind: bool = False  # syncs the commit before the newest first
    waited: int = 0
    gone: bool = False


@dataclass
class World:
    """Everything outside the program."""

    now: datetime = EVENING - timedelta(hours=1)
    commits: list[str] = field(default_factory=lambda: ['environment:\n  state: "on"  # switch\n'])
    app: App = field(default_factory=lambda: App("c0"))
    pools: dict[str, Pool] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    pods: list[Pod] = field(default_factory=list)
    stuck_pods: bool = False
    no_capacity: set[str] = field(default_factory=set)
    budgets: list[Budget] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    protected_branch: bool = False
    schedule: str = SCHEDULE
    calls: int = 0
    crash_after: int | None = None
    failures: list[Failure] = field(default_factory=list)
    before_write: list[Callable[[], None]] = field(default_factory=list)
    puts: list[tuple[str, Shape]] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    expected: Shape = DEV  # of the pool dev, awake

    def __post_init__(self) -> None:
        shapes = {
            "system": ("System", Shape(1, None)),
            "dev": ("User", DEV),
            "gpu": ("User", Shape(1, None)),
            "prod": ("User", Shape(3, Autoscaler(3, 8))),
        }
        for name, (mode, shape) in shapes.items():
            self.pools[name] = Pool(name=name, mode=mode, shape=shape, state="Succeeded", etag="0")
            self.nodes[name] = shape.count
        self._run_pods()

    # What every call from the program goes through.

    def call(self, what: str, do: Callable[[], A], *, write: bool = False) -> A:
        """Count a call, fail it if a test says so, and crash after it if a test says so."""
        self.calls += 1
        if what in self.unreadable:
            raise Unreachable(f"no answer from {what}")
        if write and self.before_write:
            self.before_write.pop(0)()
        if self.failures:
            raise self.failures.pop(0)
        result = do()
        if self.calls == self.crash_after:
            raise Crash
        return result

    # Git.

    @property
    def head(self) -> str:
        return f"c{len(self.commits) - 1}"

    def heads(self) -> str:
        """The head, as a look finds it; a test may have it move between two looks."""
        return self.head

    def flag(self) -> object:
        return get(self.commits[-1], PATH)

    def push(self, text: str) -> None:
        self.commits.append(text)

    # Time.

    def settle(self, *, minutes: float = 1) -> None:
        """Let the world do what it does by itself."""
        self.now += timedelta(minutes=minutes)
        self._sync()
        for name, pool in self.pools.items():
            if pool.busy:
                failed = name in self.no_capacity and self.nodes[name] < pool.shape.count
                state = "Failed" if failed else "Succeeded"
                error = "AllocationFailed: no capacity" if failed else ""
                self.pools[name] = replace(pool, state=state, error=error)
                if not failed:
                    self._scale(name, pool.shape.count)
        self._run_pods()

    def _sync(self) -> None:
        app = self.app
        if app.revision != self.head:
            app.waited += 1
            if app.waited > app.slow:
                behind = app.one_behind and app.revision != f"c{len(self.commits) - 2}"
                app.revision = f"c{len(self.commits) - 2}" if behind else self.head
                app.waited = 0
        app.refreshing = False

    def _scale(self, name: str, count: int) -> None:
        if count < self.nodes[name]:
            gone = {f"{name}-{n}" for n in range(count, self.nodes[name])}
            working = [p for p in self.pods if p.node in gone and p.counts and p.namespace == "ameide-dev"]
            assert not working, f"nodes went away under {working}"
            self.pods = [pod for pod in self.pods if pod.node not in gone]
        self.nodes[name] = count

    def _run_pods(self) -> None:
        """Pods follow the commit that is synced; without a node they are pending."""
        on = get(self.commits[int(self.app.revision[1:])], PATH) != "off" and not self.app.failing
        others = [pod for pod in self.pods if pod.namespace != "ameide-dev"]
        ours = [pod for pod in self.pods if pod.namespace == "ameide-dev"]
        if on:
            node = "dev-0" if self.nodes["dev"] else ""
            phase = "Running" if node else "Pending"
            ours = [Pod(namespace="ameide-dev", name="web", node=node, phase=phase, ready=bool(node))]
        elif not self.stuck_pods:
            ours = []
        self.pods = [*others, *ours]

    # The program, and its locks.

    def reconciler(self) -> Reconciler:
        ports = Ports(self)
        return Reconciler(
            schedule=loaded(self.schedule),
            repository=REPOSITORY,
            readers=Readers(
                repositories=ports, syncs=ports, pools=ports, cluster=ports, ledgers=ports, overrides=ports
            ),
            steps=Steps(committer=ports, refresher=ports, pools=ports, ledgers=LedgerPort(self)),
            locks=Locks(),
            now=lambda: self.now,
        )

    def tick(self) -> Report:
        return self.reconciler().reconcile("dev")

    def until_done(self, *, rounds: int = 40, minutes: float = 1) -> Report:
        """Tick and settle until a run says `Done`."""
        for _ in range(rounds):
            report = self.tick()
            if isinstance(report.outcome, Done):
                return report
            self.settle(minutes=minutes)
        raise AssertionError(f"it never ends: {report.outcome}")

    def shapes(self) -> dict[str, Shape]:
        return {name: pool.shape for name, pool in self.pools.items()}


@dataclass
class Ports:
    """The world behind the scheduler's Protocols."""

    world: World

    def default_branch(self, repository: str) -> str:
        return self.world.call("git", lambda: "main")

    def head(self, repository: str, branch: str) -> str | None:
        return self.world.call("git", lambda: self.world.heads() if branch == "main" else None)

    def file(self, repository: str, revision: str, path: str) -> str | None:
        def look() -> str | None:
            return self.world.commits[int(revision[1:])] if path == FILE else None

        return self.world.call("git", look)

    def commit(self, commit: Commit) -> None:
        def write() -> None:
            if self.world.protected_branch:
                raise Forbidden("main is protected: let Coppice's app by")
            if commit.parent != self.world.head:
                raise Conflict("main has moved on")
            self.world.push(commit.files[FILE])

        self.world.call("git", write, write=True)

    def objects(self, sync: Sync) -> tuple[Synced, ...]:
        def look() -> tuple[Synced, ...]:
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

        return self.world.call("argocd", look)

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
            world.pools[pool.name] = replace(pool, shape=shape, state="Updating", etag=etag, error="")

        self.world.call("arm", write, write=True)

    def nodes(self) -> tuple[Node, ...]:
        def look() -> tuple[Node, ...]:
            return tuple(
                Node(name=f"{pool}-{n}", pool=pool, ready=True, labels={"agentpool": pool})
                for pool, count in self.world.nodes.items()
                for n in range(count)
            )

        return self.world.call("cluster", look)

    def pods_on(self, nodes: Iterable[str]) -> tuple[Pod, ...]:
        wanted = set(nodes)
        return self.world.call("cluster", lambda: tuple(p for p in self.world.pods if p.node in wanted))

    def pods_in(self, namespaces: Iterable[str]) -> tuple[Pod, ...]:
        wanted = set(namespaces)
        return self.world.call("cluster", lambda: tuple(p for p in self.world.pods if p.namespace in wanted))

    def budgets(self, namespaces: Iterable[str]) -> tuple[Budget, ...]:
        wanted = set(namespaces)
        return self.world.call(
            "cluster", lambda: tuple(b for b in self.world.budgets if b.namespace in wanted)
        )

    def ledger(self, environment: str) -> Ledger:
        empty = Ledger(environment=environment)
        return self.world.call("books", lambda: self.world.ledgers.get(environment, empty))

    def overrides(self) -> tuple[Override, ...]:
        return self.world.call("overrides", lambda: tuple(self.world.overrides.values()))


@dataclass
class LedgerPort:
    """Where ledgers are written."""

    world: World

    def write(self, ledger: Ledger) -> None:
        def write() -> None:
            before: Mapping[str, Ledger] = self.world.ledgers
            stands = before[ledger.environment].version if ledger.environment in before else ""
            if stands != ledger.version:
                raise Conflict("the ledger has changed")
            self.world.ledgers[ledger.environment] = replace(ledger, version=str(int(stands or 0) + 1))

        self.world.call("books", write, write=True)


class Locks:
    """Locks that nobody else wants."""

    @contextmanager
    def hold(self, name: str) -> Iterator[Lease | None]:
        yield Held()


class Held:
    """A lock that is held."""

    def renew(self) -> None:
        """Nobody else wants it."""
