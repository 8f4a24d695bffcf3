"""What the emulator of ARM remembers: one object under one lock, so that a test can look at it.

Names are compared without regard to case and kept as they were written, as ARM does.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from devtools.emulators.arm.errors import ArmError, not_found, overlap
from devtools.emulators.arm.world import Cluster, Identity, World, properties

Json = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A federated identity credential."""

    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...]


@dataclass(kw_only=True)
class Operation:
    """A change of an agent pool that takes a while; times are seconds of the state's clock.

    Its identifier is the pool's new `eTag`; it ends later if the pool's nodes are not there by then.
    """

    identifier: str
    pool: str
    started: float
    ends: float


@dataclass(kw_only=True)
class ArmState:
    """The subscription.

    Attributes:
        world: what stood there at first.
        clock: gives the time in seconds since the epoch.
        sleep: waits for so many seconds; a test may do something else meanwhile.
        write_seconds: how long a write of a credential takes; another one to the same identity is refused
            meanwhile.
        writes_per_second: of one identity's credentials; None does not throttle. Azure's own is 0.25.
        subscription_writes_per_second: of all identities' credentials; likewise. Azure's own is 2.
        operation_seconds: how long a change of an agent pool takes.
        before_put: what happens before the next change of a pool is looked at; once.
        endings: how the next operations end, as AKS names it (`Canceled`, `Failed`); `Succeeded` if empty.
        page_size: how many items a list answers with at once.
        credentials: by identity (`resourceGroup/name`), then by name, both folded.
        pools: ARM's `properties` of each agent pool, by folded name.
        operations: by identifier; the newest is the last.
        overlapping_writes: how many writes of credentials were refused because another one was on.
        throttled_writes: how many were refused because they came too fast.
        deleted: identities that were deleted (`resourceGroup/name`, folded).
        cluster_writes: attempts to change the managed cluster itself, which the program must never make.
        keeps_nodes: whether the pools have nodes in a cluster, on which an operation waits.
        nodes_wait_for: what keeps a pool's nodes from being as they shall be, by the pool's folded name.
    """

    world: World
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    write_seconds: float = 0.02
    writes_per_second: float | None = None
    subscription_writes_per_second: float | None = None
    operation_seconds: float = 0.0
    before_put: Callable[[], None] | None = None
    endings: list[str] = field(default_factory=list)
    page_size: int = 5
    credentials: dict[str, dict[str, Credential]] = field(init=False)
    pools: dict[str, Json] = field(init=False)
    operations: dict[str, Operation] = field(init=False, default_factory=dict)
    deleted: set[str] = field(init=False, default_factory=set)
    overlapping_writes: int = field(init=False, default=0)
    throttled_writes: int = field(init=False, default=0)
    cluster_writes: int = field(init=False, default=0)
    keeps_nodes: bool = field(init=False, default=False)
    nodes_wait_for: dict[str, str] = field(init=False, default_factory=dict)
    lock: threading.RLock = field(init=False, default_factory=threading.RLock, repr=False)
    _written: set[str] = field(init=False, default_factory=set)
    _writes: dict[str, list[float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.credentials = {key(identity): {} for identity in self.world.identities}
        self.pools = {pool.name.casefold(): properties(pool) for pool in self.world.pools}

    def check_group(self, subscription: str, group: str) -> None:
        """Refuse a subscription or a resource group that is not there.

        Raises:
            ArmError: 404.
        """
        if subscription.casefold() != self.world.subscription.casefold():
            message = f"The subscription '{subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)
        if group.casefold() not in {name.casefold() for name in self.world.resource_groups}:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")

    def identities(self, group: str) -> list[Identity]:
        """The identities of a resource group."""
        return [
            each
            for each in self.world.identities
            if each.resource_group.casefold() == group.casefold() and key(each) not in self.deleted
        ]

    def identity(self, group: str, name: str) -> Identity | None:
        """One identity, if it is there."""
        return next((one for one in self.identities(group) if one.name.casefold() == name.casefold()), None)

    def delete_identity(self, identity: Identity) -> None:
        """Delete an identity; its credentials, which are its children, go with it."""
        with self.lock:
            self.deleted.add(key(identity))
            self.credentials[key(identity)].clear()

    def cluster(self, group: str, name: str) -> Cluster:
        """The managed cluster.

        Raises:
            ArmError: 404, there is none of that name in the resource group.
        """
        cluster = self.world.cluster
        if (cluster.resource_group.casefold(), cluster.name.casefold()) != (
            group.casefold(),
            name.casefold(),
        ):
            raise not_found("Microsoft.ContainerService/managedClusters", name, group)
        return cluster

    @contextmanager
    def writing(self, identity: Identity) -> Iterator[None]:
        """Hold an identity for a write of its credentials, for as long as one takes.

        Raises:
            ArmError: 409 while another write is on, 429 if writes come too fast.
        """
        of = key(identity)
        with self.lock:
            if of in self._written:
                self.overlapping_writes += 1
                raise overlap(self.world.subscription, identity.resource_group, identity.name)
            self._throttle(of)
            self._written.add(of)
        try:
            self.sleep(self.write_seconds)
            with self.lock:
                yield
        finally:
            with self.lock:
                self._written.discard(of)

    def _throttle(self, of: str) -> None:
        rates = {of: self.writes_per_second, "": self.subscription_writes_per_second}
        limits = {what: rate for what, rate in rates.items() if rate is not None}
        now = self.clock()
        due = max((_due(self._writes.get(what, []), rate) for what, rate in limits.items()), default=0.0)
        if now < due:
            self.throttled_writes += 1
            raise ArmError(
                429,
                "TooManyRequests",
                "The request is being throttled as the limit has been reached for operation type - "
                "FederatedIdentityCredentialPutRequest.",
                retry_after=math.ceil(due - now),
            )
        for what in limits:
            self._writes.setdefault(what, []).append(now)

    def nodes_seen(self, pool: str, *, as_of: object, waits_for: str) -> None:
        """Take note of how a pool's nodes are.

        Args:
            pool: its folded name.
            as_of: the pool's `eTag` when they were looked at; if it has changed since, nothing is noted.
            waits_for: what they wait for; empty if they are as they shall be.
        """
        with self.lock:
            if self.pools[pool]["eTag"] != as_of:
                return
            current = self.settle()  # what is over stays over, whatever becomes of the nodes
            if waits_for:
                self.nodes_wait_for[pool] = waits_for
            elif self.nodes_wait_for.pop(pool, None) and current is not None and current.pool == pool:
                current.ends = max(current.ends, self.clock())

    def settle(self) -> Operation | None:
        """Finish what is over, and give the operation that still goes on, if there is one."""
        with self.lock:
            newest = next(reversed(self.operations.values()), None)
            if newest is None or self.pools[newest.pool]["provisioningState"] != "Updating":
                return None
            if self.clock() < newest.ends or newest.pool in self.nodes_wait_for:
                return newest
            self.pools[newest.pool]["provisioningState"] = (
                self.endings.pop(0) if self.endings else "Succeeded"
            )
            return None

    def dump(self) -> Json:
        """The state as a JSON document, for a test in another process."""
        with self.lock:
            self.settle()
            return {
                "credentials": {
                    f"{identity.resource_group}/{identity.name}": [
                        asdict(credential) for credential in self.credentials[key(identity)].values()
                    ]
                    for identity in self.world.identities
                },
                "pools": dict(self.pools),
                "operations": [asdict(operation) for operation in self.operations.values()],
                "overlapping_writes": self.overlapping_writes,
                "throttled_writes": self.throttled_writes,
                "cluster_writes": self.cluster_writes,
                "nodes_wait_for": dict(self.nodes_wait_for),
            }


def _due(writes: list[float], rate: float) -> float:
    """When the next write is let through: two a second are any two in the same second."""
    most = max(1, int(rate))
    return writes[-most] + most / rate if len(writes) >= most else 0.0


def key(identity: Identity) -> str:
    """What an identity is found by."""
    return f"{identity.resource_group}/{identity.name}".casefold()
