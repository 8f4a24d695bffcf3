"""Agent pools: their shape, its snapshot for the time of sleep, and the proof that a pool may be written.

AKS refuses to change the autoscaler and the count in one request:
https://learn.microsoft.com/azure/aks/scale-cluster.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from coppice.reconciler.plan import Change

TAG = "coppice-before-sleep"
"""The tag that holds a pool's snapshot. Azure allows no slash in a tag's name."""

_SETTLED = {"Succeeded", "Failed", "Canceled"}


@dataclass(frozen=True)
class Autoscaler:
    """The bounds of a cluster autoscaler that is enabled."""

    min_count: int
    max_count: int


@dataclass(frozen=True)
class Snapshot:
    """A pool's count and autoscaler before it was put to sleep."""

    count: int
    autoscaler: Autoscaler | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a tag's value; `None` if it has not the form that `str` writes."""
        match = re.fullmatch(r"count=(\d{1,4})(?:,min=(\d{1,4}),max=(\d{1,4}))?", text)
        if match is None:
            return None
        bounds = Autoscaler(int(match[2]), int(match[3])) if match[2] else None
        return cls(int(match[1]), bounds)

    def __str__(self) -> str:
        bounds = (
            f",min={self.autoscaler.min_count},max={self.autoscaler.max_count}" if self.autoscaler else ""
        )
        return f"count={self.count}{bounds}"

    @property
    def awake_count(self) -> int:
        """The count with which the pool wakes: an autoscaler may not raise an empty pool to its minimum."""
        return max(self.count, self.autoscaler.min_count if self.autoscaler else 0, 1)


@dataclass(frozen=True)
class Shape:
    """What is ever changed of a pool: count, autoscaler (`None` is disabled) and tag (`""` is unset)."""

    count: int
    autoscaler: Autoscaler | None
    tag: str = ""

    def differences(self, other: "Shape") -> str:
        """Describe the changes from this shape to the other, for people."""
        parts = []
        if other.tag != self.tag:
            parts.append(f"remember {other.tag}" if other.tag else "forget what it was")
        if other.autoscaler != self.autoscaler:
            bounds = other.autoscaler
            parts.append(
                f"autoscaler {bounds.min_count} to {bounds.max_count}" if bounds else "autoscaler off"
            )
        if other.count != self.count:
            parts.append(f"count {self.count} to {other.count}")
        return ", ".join(parts) or "once more"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """An agent pool.

    Args:
        name: its name.
        mode: `System` or `User`.
        shape: its count, autoscaler and tag.
        provisioning_state: its provisioning state.
        etag: the ETag of what was read.
        error: Azure's last provisioning error; empty if there is none.
        stopped: whether somebody stopped it (`az aks nodepool stop`): it has no nodes, whatever its count.
        deallocates: whether its scale-down mode is Deallocate: then VMs that are off stay, as nodes that
            are not ready.
        uncounted: whether its type is VirtualMachines, which has no count.
    """

    name: str
    mode: str
    shape: Shape
    provisioning_state: str
    etag: str
    error: str = ""
    stopped: bool = False
    deallocates: bool = False
    uncounted: bool = False

    def __str__(self) -> str:
        return f"pool/{self.name}"

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot in the pool's tag; `None` if there is none, or it cannot be parsed."""
        return Snapshot.parse(self.shape.tag)

    @property
    def unparseable(self) -> bool:
        """Whether the pool has a tag that cannot be parsed: then it is not known what to restore."""
        return bool(self.shape.tag) and self.snapshot is None

    @property
    def down(self) -> bool:
        """Whether the pool is at 0 and no autoscaler will scale it up."""
        return self.stopped or (self.shape.count == 0 and self.shape.autoscaler is None)

    @property
    def busy(self) -> bool:
        """Whether an operation is under way. AKS does one operation at a time in a cluster."""
        return self.provisioning_state not in _SETTLED

    @property
    def operation_failed(self) -> bool:
        """Whether the last operation failed or was cancelled."""
        return self.provisioning_state in _SETTLED - {"Succeeded"}


@dataclass(frozen=True, kw_only=True)
class Reshape(Change):
    """A change of a pool that still has to pass `scheduler.ownership`."""

    verb: ClassVar[str] = "change"
    pool: Pool
    shape: Shape

    @property
    def target(self) -> str:
        """The pool, and what changes."""
        return _target(self.pool, self.shape)

    @property
    def removes_nodes(self) -> bool:
        """Whether the change removes nodes, or prepares for it."""
        before, after = self.pool.shape, self.shape
        takes_snapshot = bool(after.tag) and not before.tag
        # Below its minimum, an autoscaler is disabled so that the count can be raised.
        disables_autoscaler = (
            before.autoscaler is not None
            and after.autoscaler is None
            and before.count >= before.autoscaler.min_count
        )
        return takes_snapshot or disables_autoscaler or after.count < before.count or after.count == 0


@dataclass(frozen=True)
class Allowed:
    """Proof that a pool may be written. Only `scheduler.ownership` makes it."""

    pool: Pool


@dataclass(frozen=True, kw_only=True)
class PutPool(Change):
    """A change of a pool that `scheduler.ownership` allows."""

    verb: ClassVar[str] = "change"
    allowed: Allowed
    shape: Shape

    @property
    def target(self) -> str:
        """The pool, and what changes."""
        return _target(self.allowed.pool, self.shape)


def _target(pool: Pool, shape: Shape) -> str:
    after = f", after {pool.error}" if pool.error else ""
    return f"{pool} ({pool.shape.differences(shape)}{after})"


class PoolReader(Protocol):
    """Reads agent pools."""

    def pools(self) -> tuple[Pool, ...]:
        """Read every pool of the cluster, with one list."""


class PoolWriter(Protocol):
    """Changes existing pools, one at a time."""

    def put(self, allowed: Allowed, shape: Shape) -> None:
        """Start to change a pool, without waiting for the operation to end.

        Raises:
            Conflict: the pool has changed since it was read; with `retry_after`, another operation is under
                way.
            Rejected: Azure does not accept the shape.
        """
