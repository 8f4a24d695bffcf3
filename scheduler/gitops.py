"""The objects that bring a flag from Git to the cluster: Argo CD Applications and Flux Kustomizations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Change
from scheduler.scalars import Scalar
from scheduler.schedule import Sync


@dataclass(frozen=True, kw_only=True)
class Synced:
    """An Application or a Kustomization, as its status describes it.

    Args:
        kind: `Application` or `Kustomization`.
        namespace: its namespace.
        name: its name.
        revisions: repository (`owner/name`, in lower case) → the commit that was last compared or applied.
            A repository that is read twice, at different commits, has `owner/name@branch` → the commit.
        tried: likewise → the commit that was last attempted, if the controller reports it separately.
        unsynced: why the cluster does not match that commit yet; empty if it does.
        unhealthy: why what runs is not healthy; empty if it is.
        refreshing: whether a refresh has been requested and has not happened yet.
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
        """The commit of a branch that was last compared or applied; empty if the object does not read it."""
        name = repository.lower()
        keys = (name, f"{name}@{branch}", f"{name}@HEAD")
        return next((self.revisions[key] for key in keys if key in self.revisions), "")


@dataclass(frozen=True)
class FlagsInForce:
    """An object, and the value of each flag at the commit that the object reports.

    Argo CD says "Synced" before it has seen the newest commit (kargo#6357). So the flag is read at the commit
    that the object reports, and no run has to remember which commit it made.

    Args:
        synced: the object.
        values: the flag's index → its value. A flag of a repository that the object does not read is left
            out.
    """

    synced: Synced
    values: Mapping[int, Reading[Scalar]]


@dataclass(frozen=True)
class ObservedSync:
    """An entry `sync` of the schedule, and the objects that it selects."""

    sync: Sync
    objects: Reading[tuple[FlagsInForce, ...]]


@dataclass(frozen=True, kw_only=True)
class Refresh(Change):
    """Request that an object's controller fetches from Git now."""

    verb: ClassVar[str] = "refresh"
    synced: Synced

    @property
    def target(self) -> str:
        """The object."""
        return str(self.synced)


class SyncReader(Protocol):
    """Reads Applications and Kustomizations."""

    def objects(self, sync: Sync) -> tuple[Synced, ...]:
        """Read the objects that an entry of the schedule selects; empty if there are none."""


class Refresher(Protocol):
    """Sets the annotation that requests a refresh, and nothing else."""

    def refresh(self, synced: Synced) -> None:
        """Request that the object's controller fetches from Git now."""
