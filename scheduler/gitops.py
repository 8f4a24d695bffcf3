"""What brings the flag from Git to the cluster: Argo CD's Applications and Flux' Kustomizations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Change
from scheduler.scalars import Scalar
from scheduler.schedule import Sync


@dataclass(frozen=True, kw_only=True)
class Synced:
    """One such object, as it reports itself.

    Args:
        kind: `Application` or `Kustomization`.
        namespace: its namespace.
        name: its name.
        revisions: repository (`owner/name`, in lower case) → the commit that it last compared or applied. Of
            a repository that it reads twice, at different commits: `owner/name@branch` → the commit.
        tried: the same → the commit that it last tried to apply, where that is told apart.
        unsynced: why what runs is not yet what that commit says; empty if it is.
        unhealthy: what is not well about what runs; empty if all is.
        refreshing: whether it was asked to look at Git again and has not yet done so.
    """

    kind: Literal["Application", "Kustomization"]
    namespace: str
    name: str
    revisions: Mapping[str, str] = field(default_factory=dict)
    tried: Mapping[str, str] = field(default_factory=dict)
    unsynced: str = ""
    unhealthy: str = ""
    refreshing: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    def revision(self, repository: str, branch: str) -> str:
        """The commit of a repository's branch that it last compared or applied; empty if it reads no such."""
        name = repository.lower()
        places = (name, f"{name}@{branch}", f"{name}@HEAD")
        return next((self.revisions[each] for each in places if each in self.revisions), "")


@dataclass(frozen=True)
class InForce:
    """An object, and what each flag says at the commit that the object reports.

    "Synced" was true before Argo CD had seen the commit (kargo#6357). So that commit is asked what it says,
    and no run has to remember which one was its own.

    Args:
        synced: the object.
        values: the flag's position → its value; left out if it reads another repository.
    """

    synced: Synced
    values: Mapping[int, Reading[Scalar]]


@dataclass(frozen=True)
class ObservedSync:
    """An entry of the schedule, and the objects that it means."""

    sync: Sync
    objects: Reading[tuple[InForce, ...]]


@dataclass(frozen=True, kw_only=True)
class Refresh(Change):
    """Ask an object to look at Git now."""

    verb: ClassVar[str] = "refresh"
    synced: Synced

    @property
    def target(self) -> str:
        """The object."""
        return str(self.synced)


class SyncReader(Protocol):
    """Reads Applications and Kustomizations."""

    def objects(self, sync: Sync) -> tuple[Synced, ...]:
        """The objects that an entry of the schedule means; none if none stands."""


class Refresher(Protocol):
    """Sets the one annotation that asks for a look at Git, and nothing else."""

    def refresh(self, synced: Synced) -> None:
        """Ask the object to look at Git now."""
