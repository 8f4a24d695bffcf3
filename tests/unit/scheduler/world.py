"""A small world in memory: Git, Argo CD or Flux, AKS with its rules, a cluster, ledgers and overrides.

It changes only in `settle`, so that a test decides what happens between two runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from coppice.reconciler.errors import Failure, Unreachable
from coppice.reconciler.outcome import Done, Stalled
from coppice.reconciler.report import Report
from scheduler.documents import Path, get
from scheduler.executor import Executor
from scheduler.ledger import Ledger
from scheduler.loading import load
from scheduler.nodes import Budget, Pod
from scheduler.observe import Readers
from scheduler.overrides import Override
from scheduler.pools import Autoscaler, Pool, Shape
from scheduler.reconciler import Reconciler
from scheduler.schedule import Schedule
from tests.unit.scheduler.ports import REPOSITORY, LedgerPort, Locks, Ports

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
    """Load a schedule, once for each text."""
    return load(text)


class Crash(BaseException):
    """The process has died. Nothing may catch this."""


@dataclass
class App:
    """An Application, the commit at which it is synced, and how slow it is."""

    revision: str
    refreshing: bool = False
    failing: str = ""
    slow: int = 0  # how many settles more a sync takes
    one_behind: bool = False  # whether it syncs the commit before the newest one first
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
    deallocated: dict[str, int] = field(default_factory=dict)  # pool → how many nodes are VMs that are off
    operation_results: dict[str, list[str]] = field(
        default_factory=dict
    )  # pool → the states in which its next operations end
    budgets: list[Budget] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    unparseable_ledger: bool = False
    protected_branch: bool = False
    schedule: str = SCHEDULE
    calls: int = 0
    crash_after: int | None = None
    failures: list[Failure] = field(default_factory=list)
    before_write: list[Callable[[], None]] = field(default_factory=list)
    puts: list[tuple[str, Shape]] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    expected: Shape = DEV  # of the pool dev while awake

    def __post_init__(self) -> None:
        shapes = {
            "system": ("System", Shape(1, None)),
            "dev": ("User", DEV),
            "gpu": ("User", Shape(1, None)),
            "prod": ("User", Shape(3, Autoscaler(3, 8))),
        }
        for name, (mode, shape) in shapes.items():
            self.pools[name] = Pool(
                name=name, mode=mode, shape=shape, provisioning_state="Succeeded", etag="0"
            )
            self.nodes[name] = shape.count
        self._run_pods()

    # Every call from the program.

    def call(self, what: str, do: Callable[[], A], *, write: bool = False) -> A:
        """Count a call. It fails, or the process crashes after it, if the test has said so."""
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
        """The head, as it is read. A test may replace it, to move the head between two reads."""
        return self.head

    def flag(self) -> object:
        return get(self.commits[-1], PATH)

    def push(self, text: str) -> None:
        self.commits.append(text)

    # Time.

    def settle(self, *, minutes: float = 1) -> None:
        """Let time pass: operations end, commits are synced, pods start and stop."""
        self.now += timedelta(minutes=minutes)
        self._sync()
        for name, pool in self.pools.items():
            if pool.busy and self.operation_results.get(name):
                self.pools[name] = replace(pool, provisioning_state=self.operation_results[name].pop(0))
            elif pool.busy:
                failed = name in self.no_capacity and self.nodes[name] < pool.shape.count
                state = "Failed" if failed else "Succeeded"
                error = "AllocationFailed: no capacity" if failed else ""
                self.pools[name] = replace(pool, provisioning_state=state, error=error)
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
            removed = {f"{name}-{n}" for n in range(count, self.nodes[name])}
            working = [
                p for p in self.pods if p.node in removed and p.occupies_node and p.namespace == "ameide-dev"
            ]
            assert not working, f"nodes were removed under {working}"
            self.pods = [pod for pod in self.pods if pod.node not in removed]
        self.nodes[name] = count

    def _run_pods(self) -> None:
        """Pods follow the commit that is synced. Without a node they are pending."""
        on = get(self.commits[int(self.app.revision[1:])], PATH) != "off" and not self.app.failing
        others = [pod for pod in self.pods if pod.namespace != "ameide-dev"]
        own = [pod for pod in self.pods if pod.namespace == "ameide-dev"]
        if on:
            node = "dev-0" if self.nodes["dev"] else ""
            phase = "Running" if node else "Pending"
            own = [Pod(namespace="ameide-dev", name="web", node=node, phase=phase, ready=bool(node))]
        elif not self.stuck_pods:
            own = []
        self.pods = [*others, *own]

    # The program, and its locks.

    def reconciler(self) -> Reconciler:
        ports = Ports(self)
        return Reconciler(
            schedule=loaded(self.schedule),
            repository=REPOSITORY,
            readers=Readers(
                repositories=ports, gitops=ports, pools=ports, cluster=ports, ledgers=ports, overrides=ports
            ),
            executor=Executor(committer=ports, refresher=ports, pools=ports, ledgers=LedgerPort(self)),
            locks=Locks(),
            now=lambda: self.now,
        )

    def tick(self) -> Report:
        return self.reconciler().reconcile("dev")

    def run_until_done(self, *, rounds: int = 40, minutes: float = 1) -> Report:
        """Tick and settle until a run is `Done`."""
        for _ in range(rounds):
            report = self.tick()
            if isinstance(report.outcome, Done):
                return report
            self.settle(minutes=minutes)
        raise AssertionError(f"it never ends: {report.outcome}")

    def expect_stalled(self, why: str, *, code: str = "", rounds: int = 40) -> None:
        """Tick and settle many times, and expect that the last run stalled for this reason."""
        for _ in range(rounds):
            outcome = self.tick().outcome
            self.settle(minutes=2)
        assert isinstance(outcome, Stalled), outcome
        assert why in outcome.why, outcome.why
        assert code in {"", outcome.code}, outcome.code

    def untag(self, name: str) -> None:
        """Let somebody remove a pool's tag."""
        self.tag(name, "")

    def tag(self, name: str, text: str) -> None:
        """Let somebody write a pool's tag."""
        pool = self.pools[name]
        self.pools[name] = replace(pool, shape=replace(pool.shape, tag=text), etag=str(int(pool.etag) + 1))

    def begin(self, name: str, shape: Shape) -> None:
        """Let somebody start to change a pool."""
        self.pools[name] = replace(self.pools[name], shape=shape, provisioning_state="Updating")

    def shapes(self) -> dict[str, Shape]:
        return {name: pool.shape for name, pool in self.pools.items()}
