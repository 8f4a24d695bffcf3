"""What is stored about a branch in `coppice-system`: its record, and a person's request.

The record works like a finalizer of the environment: it is written first and deleted last, so that a crash
at any point loses nothing. The request is the only way in which a person affects what happens to a branch: a
hold, or to apply it again.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.references import CredentialRef, ObjectRef, SharedName
from coppice.reconciler.errors import Failure, QuotaReached
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class Stall:
    """The refusal of an overlay.

    The overlay is not rendered again while commit, digest and request are the same, at most for
    `EnvironmentConfig.reapply_after`.

    Args:
        commit: the commit whose overlay was refused.
        digest: the digest of the settings that it was refused under.
        asked: the time of the latest request that the refusal answers; empty if there was none.
        at: when it was refused.
        why: the reasons, for people.
    """

    commit: str
    digest: str
    asked: str
    at: datetime
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What must survive a crash about one environment.

    Args:
        key: the branch of the environment.
        slug: the branch name as a DNS label; a branch and its twin share it.
        namespace: the namespace of the environment.
        identities: pool → the identity that was chosen from it.
        credentials: the credentials that exist or are about to be created.
        rendered: the commit and the digest of the settings that the inventory was rendered from.
        inventory: the objects that exist or are about to be applied.
        digests: object of the inventory → a digest of what was or is about to be applied; empty in a list of
            all records.
        whole_at: when all objects were applied last, whether or not they had changed; `None` if never.
        pruning: objects that have left the overlay and were not observed to be gone yet.
        stall: the refusal of the overlay at the branch's commit; `None` if it was not refused.
        receipt: the state of each resource during a removal.
        database: the database that was created for the environment; empty if none was.
        monitored: the shared monitoring ConfigMaps that have entries of the environment, or may still have
            them.
        part_pending: whether these entries still have to be brought to what the overlay says, or removed.
        trusted_from: since when all credentials of the environment are known to exist; `None` if they are
            not.
        undone: `Applied.at` of the overlay that a removal has begun to undo; `None` if no removal has begun.
        version: the resource version that was read; empty if the record is not written yet.
    """

    key: Key
    slug: str
    namespace: str
    identities: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[CredentialRef, ...] = ()
    rendered: str = ""
    inventory: tuple[ObjectRef, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    whole_at: datetime | None = None
    pruning: tuple[ObjectRef, ...] = ()
    stall: Stall | None = None
    receipt: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    monitored: tuple[SharedName, ...] = ()
    part_pending: bool = False
    trusted_from: datetime | None = None
    undone: datetime | None = None
    version: str = ""

    def __str__(self) -> str:
        return f"record/{self.namespace}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asked for over the HTTP API.

    Args:
        key: the branch.
        slug: the branch name as a DNS label.
        action: `hold`: the branch has no environment while it is at `commit`. `apply`: the branch has its
            environment, and its overlay is applied again.
        commit: the branch's commit at the time of the request.
        at: the time of the request (RFC 3339); it identifies the request.
        version: the resource version that was read; empty if the request is not written yet.
    """

    key: Key
    slug: str
    action: Literal["hold", "apply"]
    commit: str
    at: str
    version: str = ""

    def __str__(self) -> str:
        return f"request/{self.key.branch}"


@dataclass(frozen=True, slots=True)
class BranchRecords:
    """The record and the request of one branch. `record` is the record of its namespace, whoever owns it."""

    record: Record | None = None
    request: Request | None = None

    @property
    def asked(self) -> str:
        """The time of the request to apply again; empty if there is none."""
        return self.request.at if self.request is not None and self.request.action == "apply" else ""


@dataclass(frozen=True, kw_only=True)
class RecordSet:
    """All records and requests.

    Args:
        records: every record.
        requests: every request.
        unparseable: slug → why something stored about it cannot be parsed; all other slugs are complete.
    """

    records: tuple[Record, ...] = ()
    requests: tuple[Request, ...] = ()
    unparseable: Mapping[str, Failure] = field(default_factory=dict)

    @property
    def environments(self) -> int:
        """The number of environments. A record that cannot be parsed counts as one."""
        return sum(1 for each in self.records if each.identities) + len(self.unparseable)

    def check_place(self, most: int) -> None:
        """Check that one more environment is allowed.

        Args:
            most: the maximum number of environments.

        Raises:
            QuotaReached: the maximum is reached.
        """
        if self.environments >= most:
            raise QuotaReached(too_many(self.environments, most))


def too_many(environments: int, most: int) -> str:
    """Return the message for an environment that is one too many.

    Args:
        environments: how many environments there are.
        most: the maximum number of environments.

    Returns:
        The message.
    """
    stand = "1 environment stands" if environments == 1 else f"{environments} environments stand"
    return f"{stand}, and MAX_ENVIRONMENTS is {most}: this one waits until one goes, or the setting is raised"


@dataclass(frozen=True, kw_only=True)
class WriteRecord(Change):
    """Write the record, if it has not changed since it was read.

    Args:
        record: the record to write.
        most: the maximum number of environments, if this record adds one; else `None`.
    """

    verb: ClassVar[str] = "write"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.RECORDS})
    record: Record
    most: int | None = None

    @property
    def target(self) -> str:
        """The record."""
        return str(self.record)

    @property
    def lock(self) -> str | None:
        """The lock `environments`, if the record adds an environment: counting and writing must not
        overlap.
        """
        return None if self.most is None else "environments"


def rendering(commit: str, digest: str) -> str:
    """Return the value of `Record.rendered`.

    Args:
        commit: the commit that the inventory was rendered from.
        digest: the digest of the settings that it was rendered with.

    Returns:
        The value.
    """
    return f"{commit}:{digest}"


class RecordReader(Protocol):
    """Reads records and requests."""

    def get(self, key: Key, name: Name) -> BranchRecords:
        """Read the record and the request of one branch, in one call.

        Args:
            key: the branch.
            name: its names.

        Returns:
            What was found.
        """

    def all(self) -> RecordSet:
        """Read all records and requests, in one list.

        The digests of the objects are left out. They are half of a record, and only a run that applies the
        environment's overlay uses them: it reads its own record.

        Returns:
            All of them, and those that cannot be parsed.
        """


class RecordWriter(Protocol):
    """Writes records. It cannot delete them."""

    def write(self, record: Record) -> None:
        """Write a record.

        Args:
            record: the record, with the version that was read.

        Raises:
            Conflict: the record has changed since it was read, or one exists although none was read.
        """

    def take_place(self, record: Record, most: int) -> None:
        """Write the record of an additional environment, if one more is allowed at this time.

        Args:
            record: the record.
            most: the maximum number of environments.

        Raises:
            QuotaReached: the maximum is reached.
            Conflict: the record has changed since it was read, or one exists although none was read.
        """


class RequestWriter(Protocol):
    """Writes requests. Only the HTTP API is given one."""

    def ask(self, request: Request) -> None:
        """Write a request in place of the branch's earlier one.

        Args:
            request: the request.
        """
