"""Look at one environment: its flags in Git, what brings them to the cluster, its pods, its pools, its books.

Whatever was not read is `Unknown`, and stays it: nothing here takes a failure for an absence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from coppice.reconciler.errors import Rejected, Unreachable
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read
from scheduler.documents import DocumentError, get
from scheduler.flags import Head, ObservedFlag, RepositoryReader
from scheduler.gitops import InForce, ObservedSync, Synced, SyncReader
from scheduler.ledger import Ledger, LedgerReader
from scheduler.nodes import Budget, ClusterReader, Node, Pod
from scheduler.overrides import Override, OverrideReader
from scheduler.pools import Pool, PoolReader
from scheduler.scalars import Scalar
from scheduler.schedule import Environment, Flag, Sync
from scheduler.shared_flags import sharing

T = TypeVar("T")
A = TypeVar("A")

NOT_LOOKED_AT: Unknown = Unknown(Unreachable("not looked at"))


@dataclass(frozen=True, kw_only=True)
class Readers:
    """All that looks at the world and changes nothing."""

    repositories: RepositoryReader
    syncs: SyncReader
    pools: PoolReader
    cluster: ClusterReader
    ledgers: LedgerReader
    overrides: OverrideReader


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One environment.

    Args:
        name: its name.
        environment: what the schedule says it consists of.
        overrides: every override, of all environments.
        ledger: what is written down about it.
        flags: what its flags say.
        syncs: what is in force of them.
        pools: every pool of the cluster.
        nodes: every node.
        on_pools: the pods on the nodes of its pools, of every namespace.
        in_namespaces: the pods of its namespaces; looked at only while it wakes.
        budgets: the PodDisruptionBudgets of the namespaces whose pods are on its pools.
        shared: the other environments that have a flag of it → which.
    """

    name: str
    environment: Environment
    overrides: Reading[tuple[Override, ...]]
    ledger: Reading[Ledger]
    flags: tuple[ObservedFlag, ...]
    syncs: tuple[ObservedSync, ...]
    pools: Reading[tuple[Pool, ...]]
    nodes: Reading[tuple[Node, ...]]
    on_pools: Reading[tuple[Pod, ...]]
    in_namespaces: Reading[tuple[Pod, ...]] = NOT_LOOKED_AT
    budgets: Reading[tuple[Budget, ...]] = NOT_LOOKED_AT
    shared: Reading[Mapping[str, str]] = field(default_factory=lambda: Present({}))

    @property
    def own_pools(self) -> tuple[Pool, ...]:
        """Its pools, as far as they stand."""
        return tuple(pool for pool in present(self.pools) or () if pool.name in self.environment.pools)


def observe(
    name: str, environments: Mapping[str, Environment], *, repository: str, readers: Readers
) -> Observed:
    """Look at one environment.

    Args:
        name: its name.
        environments: what the schedule says of each.
        repository: the repository of flags that name none.
        readers: what looks.

    Returns:
        What was seen; nothing was written.
    """
    environment = environments[name]
    git = _Git(readers.repositories)
    flags = tuple(_flag(flag, repository, git) for flag in environment.state)
    others = {other: each for other, each in environments.items() if other != name}
    pools = read(readers.pools.pools)  # before the nodes: those of an operation that has ended are there
    nodes = read(readers.cluster.nodes)
    on_pools = _then(nodes, lambda all_: readers.cluster.pods_on(_names(all_, environment)))
    ledger = read(lambda: readers.ledgers.ledger(name))
    noted = present(ledger)
    waking = noted is not None and noted.move is not None and noted.move.direction == "up"
    return Observed(
        name=name,
        environment=environment,
        overrides=read(readers.overrides.overrides),
        ledger=ledger,
        flags=flags,
        syncs=tuple(_sync(sync, flags, git, readers.syncs) for sync in environment.sync),
        pools=pools,
        nodes=nodes,
        on_pools=on_pools,
        in_namespaces=read(lambda: readers.cluster.pods_in(environment.namespaces))
        if waking
        else NOT_LOOKED_AT,
        budgets=_then(on_pools, lambda pods: readers.cluster.budgets({pod.namespace for pod in pods})),
        shared=sharing(flags, others, repository=repository, default_branch=git.default_branch),
    )


def flags(
    environments: Iterable[Environment], *, repository: str, reader: RepositoryReader
) -> tuple[ObservedFlag, ...]:
    """Look at the flags alone.

    Args:
        environments: what the schedule says.
        repository: the repository of flags that name none.
        reader: what looks.
    """
    git = _Git(reader)
    return tuple(_flag(flag, repository, git) for each in environments for flag in each.state)


def _names(nodes: tuple[Node, ...], environment: Environment) -> tuple[str, ...]:
    return tuple(node.name for node in nodes if node.pool in environment.pools)


def _then(reading: Reading[A], look: Callable[[A], T]) -> Reading[T]:
    """Take a look that needs what another one found."""
    return read(lambda: look(reading.value)) if isinstance(reading, Present) else reading


class _Git:
    """Remembers within one look what was read, so that flags of one branch are seen at one commit."""

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
        place = (repository.lower(), branch)
        if place not in self._heads:
            self._heads[place] = read(lambda: self.reader.head(repository, branch))
        return self._heads[place]

    def text(self, repository: str, revision: str, path: str) -> Reading[str]:
        place = (repository.lower(), revision, path)
        if place not in self._texts:
            self._texts[place] = read(lambda: self.reader.file(repository, revision, path))
        return self._texts[place]


def _flag(flag: Flag, default: str, git: _Git) -> ObservedFlag:
    repository = flag.repository or default
    named: Reading[str] = (
        Present(flag.branch) if flag.branch else read(lambda: git.default_branch(repository))
    )
    branch = present(named) or ""

    def observed(head: Reading[Head]) -> ObservedFlag:
        return ObservedFlag(flag=flag, repository=repository, branch=branch, head=head)

    if not isinstance(named, Present):
        return observed(named)
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
    """A path that leads nowhere, or a file that is not there, is an error, and never something to create."""
    if isinstance(text, Unknown):
        return text
    if isinstance(text, Absent):
        return Unknown(Rejected(f"{where} has no file {flag.file}: correct the schedule or the repository"))
    try:
        return Present(get(text.value, flag.path))
    except DocumentError as error:
        return Unknown(Rejected(f"{flag.file} of {where}: {error}: correct the schedule or the file"))


def _sync(sync: Sync, flags: tuple[ObservedFlag, ...], git: _Git, reader: SyncReader) -> ObservedSync:
    objects = read(lambda: reader.objects(sync))
    if not isinstance(objects, Present):
        return ObservedSync(sync, objects)
    return ObservedSync(sync, Present(tuple(_in_force(each, flags, git) for each in objects.value)))


def _in_force(synced: Synced, flags: tuple[ObservedFlag, ...], git: _Git) -> InForce:
    values: dict[int, Reading[Scalar]] = {}
    for index, observed in enumerate(flags):
        revision = synced.revision(observed.repository, observed.branch)
        if revision:
            text = git.text(observed.repository, revision, observed.flag.file)
            values[index] = _value(text, observed.flag, f"{observed.repository} at {revision[:12]}")
    return InForce(synced, values)
