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
    """The subscription.

    Attributes:
        world: what exists at the start.
        clock: returns the time in seconds since the epoch.
        sleep: waits for some seconds; a test may do something else instead.
        write_seconds: how long a write of a credential takes. Another write to the same identity is refused
            meanwhile.
        writes_per_second: the limit of writes to one identity's credentials; None does not throttle. Azure's
            is 0.25.
        subscription_writes_per_second: the same for all identities together. Azure's is 2.
        operation_seconds: how long a change of an agent pool takes.
        before_put: is called once, before the next change of a pool is checked.
        endings: how the next operations end in AKS' words (`Canceled`, `Failed`); `Succeeded` if empty.
        page_size: how many items one page of a list has.
        credentials: by identity (`resourceGroup/name`), then by name, both folded.
        pools: ARM's `properties` of each agent pool, by folded name.
        operations: by identifier; the newest is the last.
        overlapping_writes: how many writes of credentials were refused because another one was in progress.
        throttled_writes: how many writes of credentials were throttled.
        deleted: identities that were deleted (`resourceGroup/name`, folded).
        cluster_writes: attempts to change the managed cluster itself, which the program must never make.
        keeps_nodes: whether the pools have nodes in a cluster; if so, an operation waits for them.
        nodes_wait_for: what a pool's nodes still wait for, by the pool's folded name.
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
        """Refuse a subscription or a resource group that does not exist.

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
        """One identity, or None."""
        return next((one for one in self.identities(group) if one.name.casefold() == name.casefold()), None)

    def delete_identity(self, identity: Identity) -> None:
        """Delete an identity and its credentials, which are its child resources."""
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
        """Reserve an identity for one write of its credentials, for as long as a write takes.

        Raises:
            ArmError: 409 while another write is in progress, 429 if there were too many.
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
            pool: the pool's folded name.
            as_of: the pool's `eTag` when its nodes were read; if it has changed since, the report is ignored.
            waits_for: what the nodes wait for; empty if they match the pool.
        """
        with self.lock:
            if self.pools[pool]["eTag"] != as_of:
                return
            current = self.settle()  # an operation that has ended stays ended, whatever happens to the nodes
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
