"""Agent pools: their size, what is remembered of it over night, and the proof without which none is written.

AKS refuses to change the autoscaler and the count in one request: https://learn.microsoft.com/azure/aks/scale-cluster.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from coppice.reconciler.plan import Change

TAG = "coppice-before-sleep"
"""The tag that holds a pool's snapshot; tags of Azure must not have a slash."""

_SETTLED = {"Succeeded", "Failed", "Canceled"}


@dataclass(frozen=True)
class Autoscaler:
    """The bounds of an autoscaler that is on."""

    least: int
    most: int


@dataclass(frozen=True)
class Snapshot:
    """A pool's size before it was put to sleep."""

    count: int
    autoscaler: Autoscaler | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a tag's value; `None` if nobody of ours wrote it so."""
        match = re.fullmatch(r"count=(\d{1,4})(?:,min=(\d{1,4}),max=(\d{1,4}))?", text)
        if match is None:
            return None
        bounds = Autoscaler(int(match[2]), int(match[3])) if match[2] else None
        return cls(int(match[1]), bounds)

    def __str__(self) -> str:
        bounds = f",min={self.autoscaler.least},max={self.autoscaler.most}" if self.autoscaler else ""
        return f"count={self.count}{bounds}"

    @property
    def awake(self) -> int:
        """With how many nodes it wakes: the autoscaler may not raise an empty pool to its minimum."""
        return max(self.count, self.autoscaler.least if self.autoscaler else 0, 1)


@dataclass(frozen=True)
class Shape:
    """All of a pool that is ever changed: count, autoscaler (`None` is off), and our tag (`""` is none)."""

    count: int
    autoscaler: Autoscaler | None
    tag: str = ""

    def differences(self, other: "Shape") -> str:
        """What has to be changed to become the other, for people."""
        parts = []
        if other.tag != self.tag:
            parts.append(f"remember {other.tag}" if other.tag else "forget what it was")
        if other.autoscaler != self.autoscaler:
            bounds = other.autoscaler
            parts.append(f"autoscaler {bounds.least} to {bounds.most}" if bounds else "autoscaler off")
        if other.count != self.count:
            parts.append(f"count {self.count} to {other.count}")
        return ", ".join(parts) or "once more"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """An agent pool.

    Args:
        name: its name.
        mode: `System` or `User`.
        shape: its size.
        state: its provisioning state.
        etag: of the very state that was read.
        error: what went wrong with it last, in Azure's words.
        stopped: whether somebody stopped it (`az aks nodepool stop`): it has no nodes, whatever its count.
        deallocates: whether its machines stay as nodes that are not ready when it is scaled down.
        uncounted: whether it is of type VirtualMachines, which has no count.
    """

    name: str
    mode: str
    shape: Shape
    state: str
    etag: str
    error: str = ""
    stopped: bool = False
    deallocates: bool = False
    uncounted: bool = False

    def __str__(self) -> str:
        return f"pool/{self.name}"

    @property
    def snapshot(self) -> Snapshot | None:
        """What it was before it was put to sleep, if that is remembered and can be read."""
        return Snapshot.parse(self.shape.tag)

    @property
    def unparseable(self) -> bool:
        """Whether something is remembered that cannot be read: then nobody knows what to restore."""
        return bool(self.shape.tag) and self.snapshot is None

    @property
    def down(self) -> bool:
        """Whether it is at 0 and nothing raises it."""
        return self.stopped or (self.shape.count == 0 and self.shape.autoscaler is None)

    @property
    def busy(self) -> bool:
        """Whether an operation is under way. AKS does one at a time in a cluster."""
        return self.state not in _SETTLED

    @property
    def broken_off(self) -> bool:
        """Whether its last operation did not come to its end."""
        return self.state in _SETTLED - {"Succeeded"}


@dataclass(frozen=True, kw_only=True)
class Reshape(Change):
    """A wish to change a pool."""

    verb: ClassVar[str] = "change"
    pool: Pool
    shape: Shape

    @property
    def target(self) -> str:
        """The pool, and what is changed of it."""
        return _target(self.pool, self.shape)

    @property
    def takes_away(self) -> bool:
        """Whether it takes nodes away, or prepares that."""
        before, after = self.pool.shape, self.shape
        prepares = bool(after.tag) and not before.tag
        # Below its minimum an autoscaler goes off so that the count can be raised.
        switched_off = before.autoscaler is not None and after.autoscaler is None
        held = switched_off and before.autoscaler is not None and before.count >= before.autoscaler.least
        return prepares or held or after.count < before.count or after.count == 0


@dataclass(frozen=True)
class Allowed:
    """Proof that a pool may be touched; `policy` alone makes it."""

    pool: Pool


@dataclass(frozen=True, kw_only=True)
class PutPool(Change):
    """A change of a pool that policy let through."""

    verb: ClassVar[str] = "change"
    allowed: Allowed
    shape: Shape

    @property
    def target(self) -> str:
        """The pool, and what is changed of it."""
        return _target(self.allowed.pool, self.shape)


def _target(pool: Pool, shape: Shape) -> str:
    after = f", after {pool.error}" if pool.error else ""
    return f"{pool} ({pool.shape.differences(shape)}{after})"


class PoolReader(Protocol):
    """Reads agent pools."""

    def pools(self) -> tuple[Pool, ...]:
        """Every pool of the cluster; one list."""


class PoolWriter(Protocol):
    """Changes one pool at a time, and neither creates nor deletes any."""

    def put(self, allowed: Allowed, shape: Shape) -> None:
        """Begin to change a pool; it does not wait for the end.

        Raises:
            Conflict: the pool is not as it was read; with `retry_after`, another operation is under way.
            Rejected: Azure does not accept the shape.
        """
