"""What is written down about a branch in `coppice-system`: its record, and what a person asked for.

The record is the environment's finalizer: the first thing written and the last removed, so that a crash
anywhere forgets nothing. The request is the only word that a person has in what happens to a branch: a
hold, or a wish to have it applied again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.references import CredentialRef, ObjectRef, SharedName
from coppice.reconciler.errors import Failure, QuotaReached
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class Stall:
    """An overlay that was refused: it is not looked at again while all of this is as it was.

    Args:
        commit: the commit whose overlay was refused.
        digest: the settings under which it was.
        asked: the latest request it answers.
        at: when.
        why: the reasons, for people.
    """

    commit: str
    digest: str
    asked: str
    at: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """All that must survive a crash between two calls.

    Args:
        key: whose environment this is.
        slug: the branch as a label; it is shared by a branch and its twin.
        namespace: its namespace.
        identities: pool → the identity chosen from it.
        credentials: the credentials that stand or are about to.
        rendered: the commit and the settings' digest that the inventory was rendered from.
        inventory: the objects that stand or are about to.
        pruning: objects that have left the overlay and were not yet seen to be gone.
        stall: the refusal that the branch's commit met.
        receipt: what a removal has found so far, by resource.
        database: the database that was made for it; empty if none was.
        monitored: the ConfigMaps of monitoring that all share in which it has a part, or may still have one.
        part_pending: whether that part is still to be made what its overlay says, or to be taken out.
        trusted_from: since when all its credentials were seen to stand; `None` until they were.
        undone: when that had been applied which a removal has begun to undo; `None` if none has.
        version: the resource version that was read; empty if it is not yet written.
    """

    key: Key
    slug: str
    namespace: str
    identities: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[CredentialRef, ...] = ()
    rendered: str = ""
    inventory: tuple[ObjectRef, ...] = ()
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
    """What a person asked for, over HTTP.

    Args:
        key: the branch.
        slug: the branch as a label.
        action: `hold`: no environment while the branch stays at `commit`; `apply`: have it, and apply it
            anew.
        commit: the branch's commit when it was asked.
        at: when it was asked (RFC 3339); it names the request.
        version: the resource version that was read; empty if it is not yet written.
    """

    key: Key
    slug: str
    action: Literal["hold", "apply"]
    commit: str
    at: str
    version: str = ""

    def __str__(self) -> str:
        return f"request/{self.key.branch}"


@dataclass(frozen=True)
class BranchRecords:
    """What is written about one branch. `record` is the one of its namespace, whoever owns it."""

    record: Record | None = None
    request: Request | None = None

    @property
    def asked(self) -> str:
        """When somebody asked to have it applied anew; empty if nobody did."""
        return self.request.at if self.request is not None and self.request.action == "apply" else ""


@dataclass(frozen=True, kw_only=True)
class RecordSet:
    """Everything that is written.

    Args:
        records: every record.
        requests: every request.
        unparseable: slug → why what is written about it cannot be read; everything else is known.
    """

    records: tuple[Record, ...] = ()
    requests: tuple[Request, ...] = ()
    unparseable: Mapping[str, Failure] = field(default_factory=dict)

    @property
    def environments(self) -> int:
        """How many environments there are; a record that cannot be read may well be one's."""
        return sum(1 for each in self.records if each.identities) + len(self.unparseable)

    def check_place(self, most: int) -> None:
        """See whether there is a place for one more environment.

        Raises:
            QuotaReached: there is none.
        """
        if self.environments >= most:
            raise QuotaReached(too_many(self.environments, most))


def too_many(environments: int, most: int) -> str:
    """What is said to an environment for which there is no place.

    Args:
        environments: how many there are.
        most: how many there may be.
    """
    stand = "1 environment stands" if environments == 1 else f"{environments} environments stand"
    return f"{stand}, and MAX_ENVIRONMENTS is {most}: this one waits until one goes, or the setting is raised"


@dataclass(frozen=True, kw_only=True)
class WriteRecord(Change):
    """Write the record, if it is still as it was read.

    Args:
        record: as it is to be.
        most: how many environments there may be at the most, if this makes one more of them.
    """

    verb: ClassVar[str] = "write"
    record: Record
    most: int | None = None

    @property
    def target(self) -> str:
        """The record."""
        return str(self.record)

    @property
    def lock(self) -> str | None:
        """That of places, if it takes one: who counts them and who writes the next record are one."""
        return None if self.most is None else "environments"


def rendering(commit: str, digest: str) -> str:
    """Name what an inventory was rendered from."""
    return f"{commit}:{digest}"


class RecordReader(Protocol):
    """Reads the books."""

    def get(self, key: Key, name: Name) -> BranchRecords:
        """What is written about one branch; one call."""

    def all(self) -> RecordSet:
        """Everything that is written; one list."""


class RecordWriter(Protocol):
    """Writes records, and removes none."""

    def write(self, record: Record) -> None:
        """Write a record.

        Raises:
            Conflict: it is no longer the one that was read, or one stands where none was read.
        """

    def take_place(self, record: Record, most: int) -> None:
        """Write a record that makes one more environment, if there is a place for it by now.

        Raises:
            QuotaReached: there is none.
            Conflict: as above.
        """


class RequestWriter(Protocol):
    """Writes down what a person asked for. Only what answers HTTP is handed one."""

    def ask(self, request: Request) -> None:
        """Write a request in the place of the branch's former one."""
