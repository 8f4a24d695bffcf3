"""Look at one environment: its flags in Git, what brings them to the cluster, its pods, its pools, its books.

Whatever was not read is `Unknown`, and stays it: nothing here takes a failure for an absence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from coppice.reconciler.errors import Rejected, Unreachable
from coppice.reconciler.observation import Absent, Reading, Standing, Unknown, read, standing
from scheduler.documents import DocumentError, get
from scheduler.flags import FlagSeen, Head, RepositoryReader
from scheduler.gitops import InForce, Synced, SyncReader, SyncSeen
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
    flags: tuple[FlagSeen, ...]
    syncs: tuple[SyncSeen, ...]
    pools: Reading[tuple[Pool, ...]]
    nodes: Reading[tuple[Node, ...]]
    on_pools: Reading[tuple[Pod, ...]]
    in_namespaces: Reading[tuple[Pod, ...]] = NOT_LOOKED_AT
    budgets: Reading[tuple[Budget, ...]] = NOT_LOOKED_AT
    shared: Reading[Mapping[str, str]] = field(default_factory=lambda: Standing({}))

    @property
    def own_pools(self) -> tuple[Pool, ...]:
        """Its pools, as far as they stand."""
        return tuple(pool for pool in standing(self.pools) or () if pool.name in self.environment.pools)


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
    noted = standing(ledger)
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
) -> tuple[FlagSeen, ...]:
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
    return read(lambda: look(reading.value)) if isinstance(reading, Standing) else reading


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


def _flag(flag: Flag, default: str, git: _Git) -> FlagSeen:
    repository = flag.repository or default
    named: Reading[str] = (
        Standing(flag.branch) if flag.branch else read(lambda: git.default_branch(repository))
    )
    branch = standing(named) or ""

    def seen(head: Reading[Head]) -> FlagSeen:
        return FlagSeen(flag=flag, repository=repository, branch=branch, head=head)

    if not isinstance(named, Standing):
        return seen(named)
    commit = git.head(repository, branch)
    if isinstance(commit, Absent):
        return seen(Unknown(Rejected(f"{repository} has no branch {branch}: correct the schedule")))
    if isinstance(commit, Unknown):
        return seen(commit)
    text = git.text(repository, commit.value, flag.file)
    value = _value(text, flag, f"{repository}@{branch}")
    if isinstance(text, Standing) and isinstance(value, Standing):
        return seen(Standing(Head(commit.value, text.value, value.value)))
    return seen(value if isinstance(value, Unknown) else Absent())


def _value(text: Reading[str], flag: Flag, where: str) -> Reading[Scalar]:
    """A path that leads nowhere, or a file that is not there, is an error, and never something to create."""
    if isinstance(text, Unknown):
        return text
    if isinstance(text, Absent):
        return Unknown(Rejected(f"{where} has no file {flag.file}: correct the schedule or the repository"))
    try:
        return Standing(get(text.value, flag.path))
    except DocumentError as error:
        return Unknown(Rejected(f"{flag.file} of {where}: {error}: correct the schedule or the file"))


def _sync(sync: Sync, flags: tuple[FlagSeen, ...], git: _Git, reader: SyncReader) -> SyncSeen:
    objects = read(lambda: reader.objects(sync))
    if not isinstance(objects, Standing):
        return SyncSeen(sync, objects)
    return SyncSeen(sync, Standing(tuple(_in_force(each, flags, git) for each in objects.value)))


def _in_force(synced: Synced, flags: tuple[FlagSeen, ...], git: _Git) -> InForce:
    values: dict[int, Reading[Scalar]] = {}
    for index, seen in enumerate(flags):
        revision = synced.revision(seen.repository, seen.branch)
        if revision:
            text = git.text(seen.repository, revision, seen.flag.file)
            values[index] = _value(text, seen.flag, f"{seen.repository} at {revision[:12]}")
    return InForce(synced, values)
