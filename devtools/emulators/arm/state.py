"""The state of the ARM emulator: one object under one lock, which a test may read.

Names are compared without regard to case and kept as they were written, as in ARM.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from devtools.emulators.arm.errors import ArmError, not_found, overlap, too_many_writes
from devtools.emulators.arm.resources import Credential, Json, Operation, key
from devtools.emulators.arm.throttling import Throttle
from devtools.emulators.arm.world import Cluster, Identity, World, properties


@dataclass(kw_only=True)
class ArmState:
    """The state of the subscription.

    Attributes:
        world: the resources that exist at the start.
        clock: returns the time in seconds since the epoch.
        sleep: waits for the given seconds; a test may replace it.
        write_seconds: how long a write of a credential takes. Meanwhile another write to the same identity is
            refused.
        writes_per_second: the limit of writes to one identity's credentials; None means no limit. Azure's is
            0.25.
        subscription_writes_per_second: the same limit for all identities together. Azure's is 2.
        operation_seconds: how long a change of an agent pool takes.
        before_put: a function that is called once, before the next change of a pool is checked.
        endings: the final states of the next operations (`Canceled`, `Failed`); `Succeeded` if empty.
        page_size: how many items one page of a list has.
        credentials: by identity (`resourceGroup/name`), then by name, both case-folded.
        pools: ARM's `properties` of each agent pool, by case-folded name.
        operations: by identifier; the newest is the last.
        overlapping_writes: how many writes of credentials were refused because another one was in progress.
        throttled_writes: how many writes of credentials were throttled.
        deleted: identities that were deleted (`resourceGroup/name`, case-folded).
        cluster_writes: attempts to change the managed cluster itself, which Coppice must never make.
        keeps_nodes: whether the pools have nodes in a cluster; if so, an operation waits for them.
        nodes_wait_for: what a pool's nodes still wait for, by the pool's case-folded name.
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
    _being_written: set[str] = field(init=False, default_factory=set)
    _writes: Throttle = field(init=False, default_factory=Throttle)

    def __post_init__(self) -> None:
        self.credentials = {key(identity): {} for identity in self.world.identities}
        self.pools = {pool.name.casefold(): properties(pool) for pool in self.world.pools}

    def check_group(self, subscription: str, group: str) -> None:
        """Check that a subscription and a resource group exist.

        Raises:
            ArmError: 404, one of them does not exist.
        """
        if subscription.casefold() != self.world.subscription.casefold():
            message = f"The subscription '{subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)
        if group.casefold() not in {name.casefold() for name in self.world.resource_groups}:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")

    def identities(self, group: str) -> list[Identity]:
        """Return the identities of a resource group."""
        return [
            each
            for each in self.world.identities
            if each.resource_group.casefold() == group.casefold() and key(each) not in self.deleted
        ]

    def identity(self, group: str, name: str) -> Identity | None:
        """Return an identity, or None."""
        return next((one for one in self.identities(group) if one.name.casefold() == name.casefold()), None)

    def delete_identity(self, identity: Identity) -> None:
        """Delete an identity and its credentials, which are its child resources."""
        with self.lock:
            self.deleted.add(key(identity))
            self.credentials[key(identity)].clear()

    def cluster(self, group: str, name: str) -> Cluster:
        """Return the managed cluster.

        Raises:
            ArmError: 404, the resource group has no cluster of that name.
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
        """Reserve an identity for one write of its credentials, for as long as a write takes.

        Args:
            identity: the identity.

        Raises:
            ArmError: 409, another write is in progress; 429, there were too many writes.
        """
        written = key(identity)
        with self.lock:
            if written in self._being_written:
                self.overlapping_writes += 1
                raise overlap(self.world.subscription, identity.resource_group, identity.name)
            self._throttle(written)
            self._being_written.add(written)
        try:
            self.sleep(self.write_seconds)
            with self.lock:
                yield
        finally:
            with self.lock:
                self._being_written.discard(written)

    def _throttle(self, identity: str) -> None:
        rates = {identity: self.writes_per_second, "": self.subscription_writes_per_second}
        wait = self._writes.accept(self.clock(), rates)
        if wait:
            self.throttled_writes += 1
            raise too_many_writes(math.ceil(wait))

    def report_nodes(self, pool: str, *, as_of: object, waits_for: str) -> None:
        """Record what a pool's nodes wait for.

        Args:
            pool: the pool's case-folded name.
            as_of: the pool's `eTag` when its nodes were read; if it has changed since, the report is ignored.
            waits_for: what the nodes wait for; empty if they match the pool.
        """
        with self.lock:
            if self.pools[pool]["eTag"] != as_of:
                return
            current = self.settle()  # an operation that has ended does not resume when its nodes change
            if waits_for:
                self.nodes_wait_for[pool] = waits_for
            elif self.nodes_wait_for.pop(pool, None) and current is not None and current.pool == pool:
                current.ends = max(current.ends, self.clock())

    def settle(self) -> Operation | None:
        """Finish the newest operation if it is due.

        Returns:
            The operation that is still in progress, or None.
        """
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
        """Return the state as a JSON document, for a test in another process."""
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
