"""Look at one branch, by gets. `branches/world.py` looks at all of them, by lists, and the same `Observed`
comes out.

Whatever was not read is `Unknown`, and stays it: nothing here takes a failure for an absence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from branches.application import ApplicationReader, Live, Manifest, Rollout, reference
from branches.books import BookReader, Books, ObjectRef, Shelf
from branches.identity import Credential, Identity, IdentityReader
from branches.key import Key
from branches.namespace import READY, Namespace, NamespaceReader
from branches.naming import Name
from branches.rules import Rules
from loop.errors import Unreachable
from loop.reading import Absent, Reading, Standing, Unknown, read, standing

AWAKE = Absent()
NOT_LOOKED_AT: Unknown = Unknown(Unreachable("not looked at"))


class BranchReader(Protocol):
    """Reads the repository."""

    def default_branch(self) -> str:
        """The repository's default branch: proof that the repository can be read."""

    def head(self, branch: str) -> str | None:
        """The branch's commit; `None` only if the branch does not exist under this very name.

        Raises:
            Failure: it could not be told.
        """

    def heads(self) -> Mapping[str, str]:
        """Every branch and its commit, page by page."""


def _awake() -> datetime | None:
    """Without a schedule no environment sleeps."""
    return None


@dataclass(frozen=True, kw_only=True)
class Readers:
    """All that looks at the world and changes nothing.

    Args:
        branches: reads the repository.
        books: reads what is written down.
        namespaces: reads namespaces.
        identities: reads identities and credentials.
        application: reads what stands in a namespace.
        asleep_since: tells since when branch environments should be asleep; `None` if they should be awake.
    """

    branches: BranchReader
    books: BookReader
    namespaces: NamespaceReader
    identities: IdentityReader
    application: ApplicationReader
    asleep_since: Callable[[], datetime | None] = _awake


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One branch, and what stands for it.

    Args:
        key: the branch.
        name: every name that its environment bears.
        default_branch: the repository's default branch; empty if unknown.
        head: the branch's commit.
        books: its record and request; never `Absent`.
        namespace: its namespace.
        credentials: those about its namespace, on the identities its record names; on all if it has no
            record.
        issuer: the cluster's issuer; empty if unknown.
        asleep_since: since when branch environments should be asleep; `Absent` if they should be awake.
        rollout: whether its workloads are up; looked at only until they are.
        leaving: objects being pruned that still stand.
        cron_jobs: CronJobs that still start pods; looked at only when the namespace is to go.
    """

    key: Key
    name: Name
    default_branch: str
    head: Reading[str]
    books: Reading[Books]
    namespace: Reading[Namespace]
    credentials: Reading[tuple[Credential, ...]]
    issuer: str = ""
    asleep_since: Reading[datetime] = AWAKE
    rollout: Reading[Rollout] = NOT_LOOKED_AT
    leaving: Reading[tuple[Live, ...]] = NOT_LOOKED_AT
    cron_jobs: Reading[tuple[str, ...]] = NOT_LOOKED_AT

    @property
    def noted(self) -> Books:
        """The books, as far as they were read."""
        return standing(self.books) or Books()


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What only an overlay that is about to be applied needs to know.

    Args:
        identities: the identities that the environment has, or may be given.
        environments: how many environments there are.
        hosts: host → the namespace whose route claims it.
        jobs: the Jobs of the overlay that stand.
    """

    identities: Reading[tuple[Identity, ...]]
    environments: Reading[int]
    hosts: Reading[Mapping[str, str]]
    jobs: Reading[tuple[Live, ...]]


def one(key: Key, *, rules: Rules, readers: Readers) -> Observed:
    """Look at one branch.

    Args:
        key: the branch.
        rules: what decides about branches.
        readers: what looks.

    Returns:
        What was seen: five calls for an environment that is up.
    """
    name = rules.name(key.branch)
    default = read(readers.branches.default_branch)
    # A 404 on the branch means "absent" only if the repository itself can be read.
    head: Reading[str] = (
        default if isinstance(default, Unknown) else read(lambda: readers.branches.head(key.branch))
    )
    books: Reading[Books] = read(lambda: readers.books.books(key, name))
    namespace = read(lambda: readers.namespaces.get(name.namespace))
    issuer = read(readers.identities.issuer)
    credentials: Reading[tuple[Credential, ...]] = NOT_LOOKED_AT
    if isinstance(issuer, Standing) and isinstance(books, Standing):
        identities, ours = identities_to_search(books.value, rules), issuer.value
        credentials = read(
            lambda: about(name.namespace, list_credentials(identities, readers.identities), ours)
        )
    elif isinstance(issuer, Unknown):
        credentials = issuer
    seen = Observed(
        key=key,
        name=name,
        default_branch=standing(default) or "",
        head=head,
        books=books,
        namespace=namespace,
        credentials=credentials,
        issuer=standing(issuer) or "",
        asleep_since=read(readers.asleep_since),
    )
    return _closer(seen, readers.application)


def identities_to_search(books: Books, rules: Rules) -> tuple[str, ...]:
    """The identities that a branch's credentials may stand on: its record's, or all if it names none."""
    if books.record is None or not books.record.identities:
        return tuple(dict.fromkeys(identity for pool in rules.pools.values() for identity in pool))
    named = (*books.record.identities.values(), *(ref.identity for ref in books.record.credentials))
    return tuple(dict.fromkeys(named))


def list_credentials(identities: Iterable[str], reader: IdentityReader) -> tuple[Credential, ...]:
    """Every credential of some identities."""
    return tuple(credential for identity in identities for credential in reader.credentials(identity))


def about(namespace: str, credentials: Iterable[Credential], issuer: str) -> tuple[Credential, ...]:
    """Those that let service accounts of a namespace of our cluster in."""
    return tuple(each for each in credentials if each.namespace == namespace and each.issuer == issuer)


def _closer(seen: Observed, application: ApplicationReader) -> Observed:
    """Look at what the rest asks for: a rollout that is under way, objects that are leaving, CronJobs that
    are to stop.
    """
    namespace = standing(seen.namespace)
    if namespace is None or namespace.owner != seen.key or namespace.terminating_since:
        return seen
    record = seen.noted.record
    leaving: Reading[tuple[Live, ...]] = Standing(())
    if record and record.pruning:
        leaving = read(lambda: application.live(namespace.name, record.pruning))
    if namespace.applied and namespace.applied.result != READY:
        seen = replace(seen, rollout=read(lambda: application.rollout(namespace.name)))
    held = seen.noted.request is not None and seen.noted.request.action == "hold"
    if isinstance(seen.head, Absent) or held:
        seen = replace(seen, cron_jobs=read(lambda: application.cron_jobs(namespace.name)))
    return replace(seen, leaving=leaving)


def survey(seen: Observed, manifests: Iterable[Manifest], *, rules: Rules, readers: Readers) -> Survey:
    """Look at what only an overlay that is about to be applied needs to know.

    Args:
        seen: the branch.
        manifests: the objects that are about to be applied.
        rules: what decides about branches.
        readers: what looks.

    Returns:
        What was seen.
    """
    record = seen.noted.record
    chosen = dict(record.identities) if record else {}
    holding = {each.identity for each in standing(seen.credentials) or ()}
    lacking = {pool for pool in rules.accounts.values() if chosen.get(pool) not in holding}
    candidates = [ref for pool in sorted(lacking) for ref in rules.pools.get(pool, ())]
    refs = dict.fromkeys([*chosen.values(), *candidates])
    jobs: Iterable[ObjectRef] = [reference(each) for each in manifests if each["kind"] == "Job"]
    return Survey(
        identities=read(lambda: tuple(readers.identities.identity(ref) for ref in refs)),
        environments=read(lambda: _environments(readers.books.all())),
        hosts=read(readers.application.hosts),
        jobs=read(lambda: readers.application.live(seen.name.namespace, jobs)) if jobs else Standing(()),
    )


def _environments(shelf: Shelf) -> int:
    """How many environments there are; a record that cannot be read may well be one's."""
    return sum(1 for each in shelf.records if each.identities) + len(shelf.spoilt)
