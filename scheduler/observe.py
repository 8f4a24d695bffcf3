"""Observe one environment: flags in Git, GitOps objects, pools, nodes, pods, ledger and overrides.

What could not be read is `Unknown`. A failure is never taken for an absence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from coppice.reconciler.errors import Rejected, Unreachable
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read
from scheduler.documents import DocumentError, get
from scheduler.flags import Head, ObservedFlag, RepositoryReader
from scheduler.gitops import FlagsInForce, ObservedSync, Synced, SyncReader
from scheduler.ledger import Ledger, LedgerReader
from scheduler.nodes import Budget, ClusterReader, Node, Pod
from scheduler.overrides import Override, OverrideReader
from scheduler.pools import Pool, PoolReader
from scheduler.scalars import Scalar
from scheduler.schedule import Environment, Flag, Sync
from scheduler.shared_flags import environments_sharing_flags

T = TypeVar("T")
A = TypeVar("A")

NOT_OBSERVED: Unknown = Unknown(Unreachable("not looked at"))


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The readers of everything that is observed. None of them writes."""

    repositories: RepositoryReader
    gitops: SyncReader
    pools: PoolReader
    cluster: ClusterReader
    ledgers: LedgerReader
    overrides: OverrideReader


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was observed of one environment.

    Args:
        name: its name.
        environment: the environment as the schedule declares it.
        overrides: the overrides of all environments.
        ledger: its ledger.
        flags: its flags in Git.
        gitops: its GitOps objects, and the values of its flags that they have in force.
        pools: every pool of the cluster.
        nodes: every node.
        on_pools: the pods on the nodes of its pools, in every namespace.
        in_namespaces: the pods of its namespaces; observed only while it wakes.
        budgets: the PodDisruptionBudgets of the namespaces whose pods are on its pools.
        shared: the other environments that share a flag with it → the flag.
    """

    name: str
    environment: Environment
    overrides: Reading[tuple[Override, ...]]
    ledger: Reading[Ledger]
    flags: tuple[ObservedFlag, ...]
    gitops: tuple[ObservedSync, ...]
    pools: Reading[tuple[Pool, ...]]
    nodes: Reading[tuple[Node, ...]]
    on_pools: Reading[tuple[Pod, ...]]
    in_namespaces: Reading[tuple[Pod, ...]] = NOT_OBSERVED
    budgets: Reading[tuple[Budget, ...]] = NOT_OBSERVED
    shared: Reading[Mapping[str, str]] = field(default_factory=lambda: Present({}))

    @property
    def own_pools(self) -> tuple[Pool, ...]:
        """The environment's pools that exist."""
        return tuple(pool for pool in present(self.pools) or () if pool.name in self.environment.pools)

    @property
    def has_flag_off(self) -> bool:
        """Whether any of the environment's flags is off in Git."""
        return any(
            isinstance(each.head, Present) and each.flag.says(each.head.value.value) == "off"
            for each in self.flags
        )

    def standing_nodes(self, pool: Pool) -> list[Node]:
        """The nodes that a pool still has. A VM that was deallocated stays a node, and costs nothing."""
        nodes = [node for node in present(self.nodes) or () if node.pool == pool.name]
        return [node for node in nodes if node.running or not pool.deallocates]


def observe(
    name: str, environments: Mapping[str, Environment], *, repository: str, readers: Readers
) -> Observed:
    """Observe one environment.

    Args:
        name: its name.
        environments: every environment of the schedule, by name.
        repository: the default repository of flags.
        readers: what reads.

    Returns:
        What was observed.
    """
    environment = environments[name]
    git = _GitCache(readers.repositories)
    flags = tuple(_flag(flag, repository, git) for flag in environment.state)
    others = {other: each for other, each in environments.items() if other != name}
    pools = read(readers.pools.pools)  # before the nodes: then those of an operation that has ended exist
    nodes = read(readers.cluster.nodes)
    on_pools = _then(nodes, lambda every: readers.cluster.pods_on(_names(every, environment)))
    ledger = read(lambda: readers.ledgers.ledger(name))
    known = present(ledger)
    waking = known is not None and known.transition is not None and known.transition.direction == "up"
    return Observed(
        name=name,
        environment=environment,
        overrides=read(readers.overrides.overrides),
        ledger=ledger,
        flags=flags,
        gitops=tuple(_sync(sync, flags, git, readers.gitops) for sync in environment.sync),
        pools=pools,
        nodes=nodes,
        on_pools=on_pools,
        in_namespaces=read(lambda: readers.cluster.pods_in(environment.namespaces))
        if waking
        else NOT_OBSERVED,
        budgets=_then(on_pools, lambda pods: readers.cluster.budgets({pod.namespace for pod in pods})),
        shared=environments_sharing_flags(
            flags, others, repository=repository, default_branch=git.default_branch
        ),
    )


def flags(
    environments: Iterable[Environment], *, repository: str, reader: RepositoryReader
) -> tuple[ObservedFlag, ...]:
    """Observe the flags alone.

    Args:
        environments: the environments.
        repository: the default repository of flags.
        reader: what reads.
    """
    git = _GitCache(reader)
    return tuple(_flag(flag, repository, git) for each in environments for flag in each.state)


def _names(nodes: tuple[Node, ...], environment: Environment) -> tuple[str, ...]:
    return tuple(node.name for node in nodes if node.pool in environment.pools)


def _then(reading: Reading[A], reader: Callable[[A], T]) -> Reading[T]:
    """Read what depends on another reading. If that is unknown, so is the result."""
    return read(lambda: reader(reading.value)) if isinstance(reading, Present) else reading


class _GitCache:
    """Caches what was read during one observation, so that flags of one branch are read at one commit."""

    def __init__(self, reader: RepositoryReader) -> None:
        self.reader = reader
        self._heads: dict[tuple[str, str], Reading[str]] = {}
        self._texts: dict[tuple[str, str, str], Reading[str]] = {}
        self._defaults: dict[str, str] = {}

    def default_branch(self, repository: str) -> str:
        name = repository.lower()
        if name not in self._defaults:
            self._defaults[name] = self.reader.default_branch(repository)
        return self._defaults[name]

    def head(self, repository: str, branch: str) -> Reading[str]:
        key = (repository.lower(), branch)
        if key not in self._heads:
            self._heads[key] = read(lambda: self.reader.head(repository, branch))
        return self._heads[key]

    def text(self, repository: str, revision: str, path: str) -> Reading[str]:
        key = (repository.lower(), revision, path)
        if key not in self._texts:
            self._texts[key] = read(lambda: self.reader.file(repository, revision, path))
        return self._texts[key]


def _flag(flag: Flag, default: str, git: _GitCache) -> ObservedFlag:
    repository = flag.repository or default
    branch_reading: Reading[str] = (
        Present(flag.branch) if flag.branch else read(lambda: git.default_branch(repository))
    )
    branch = present(branch_reading) or ""

    def observed(head: Reading[Head]) -> ObservedFlag:
        return ObservedFlag(flag=flag, repository=repository, branch=branch, head=head)

    if not isinstance(branch_reading, Present):
        return observed(branch_reading)
    commit = git.head(repository, branch)
    if isinstance(commit, Absent):
        return observed(Unknown(Rejected(f"{repository} has no branch {branch}: correct the schedule")))
    if isinstance(commit, Unknown):
        return observed(commit)
    text = git.text(repository, commit.value, flag.file)
    value = _value(text, flag, f"{repository}@{branch}")
    if isinstance(text, Present) and isinstance(value, Present):
        return observed(Present(Head(commit.value, text.value, value.value)))
    return observed(value if isinstance(value, Unknown) else Absent())


def _value(text: Reading[str], flag: Flag, where: str) -> Reading[Scalar]:
    """Read a flag's value. A missing file or path is an error, and is never created."""
    if isinstance(text, Unknown):
        return text
    if isinstance(text, Absent):
        return Unknown(Rejected(f"{where} has no file {flag.file}: correct the schedule or the repository"))
    try:
        return Present(get(text.value, flag.path))
    except DocumentError as error:
        return Unknown(Rejected(f"{flag.file} of {where}: {error}: correct the schedule or the file"))


def _sync(sync: Sync, flags: tuple[ObservedFlag, ...], git: _GitCache, reader: SyncReader) -> ObservedSync:
    objects = read(lambda: reader.objects(sync))
    if not isinstance(objects, Present):
        return ObservedSync(sync, objects)
    return ObservedSync(sync, Present(tuple(_in_force(each, flags, git) for each in objects.value)))


def _in_force(synced: Synced, flags: tuple[ObservedFlag, ...], git: _GitCache) -> FlagsInForce:
    values: dict[int, Reading[Scalar]] = {}
    for index, observed in enumerate(flags):
        revision = synced.revision(observed.repository, observed.branch)
        if revision:
            text = git.text(observed.repository, revision, observed.flag.file)
            values[index] = _value(text, observed.flag, f"{observed.repository} at {revision[:12]}")
    return FlagsInForce(synced, values)
