"""Agent pools, through `azure-mgmt-containerservice`. A pool is read whole, changed, and put with its ETag.

The managed cluster is never put: its inline profiles would change every pool.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.mgmt.containerservice import ContainerServiceClient

from adapters.azure.client import options, translated
from adapters.azure.cluster import CHECK
from adapters.retry import retry_reads
from coppice.reconciler.errors import Conflict, Gone, Rejected
from scheduler.pools import TAG, Allowed, Autoscaler, Pool, Shape

# AKS answers 400 with this text to a count that is not the current one, while the autoscaler is enabled or is
# being switched: https://github.com/Azure/AKS/issues/1248, https://github.com/Azure/AKS/issues/1627.
_COUNT_REFUSED = "cannot manually scale"


class PoolAdapter:
    """Reads and writes the agent pools of one cluster.

    Args:
        credential: the identity to act as.
        subscription: its subscription.
        url: the ARM endpoint.
        group: the cluster's resource group.
        name: the cluster's name.
    """

    def __init__(
        self, credential: TokenCredential, subscription: str, url: str, *, group: str, name: str
    ) -> None:
        self._client = ContainerServiceClient(credential, subscription, **options(url))
        self._cluster = (group, name)

    @retry_reads
    def pools(self) -> tuple[Pool, ...]:
        """List the pools of the cluster.

        Returns:
            Every pool.

        Raises:
            Failure: Azure refused, or did not answer.
        """
        try:
            with translated(f"list the agent pools of {'/'.join(self._cluster)}"):
                return tuple(_pool(each) for each in self._client.agent_pools.list(*self._cluster))
        except Gone as error:
            raise Gone(f"{error}. {CHECK}") from error

    def put(self, allowed: Allowed, shape: Shape) -> None:
        """Start to change a pool, and do not wait until it is done.

        Args:
            allowed: the pool, which may be changed.
            shape: its new shape.

        Raises:
            Conflict: the pool has changed since it was read; with `retry_after`, another operation is under
                way.
            Rejected: Azure does not accept the shape.
            Failure: Azure refused otherwise, or did not answer.
        """
        name, etag = allowed.pool.name, allowed.pool.etag
        changes_count = shape.count != allowed.pool.shape.count
        with _count_conflicts(changes_count=changes_count), translated(f"change agent pool {name}"):
            pool = self._client.agent_pools.get(*self._cluster, name)
            if pool.e_tag != etag:
                raise Conflict(f"agent pool {name} has changed since it was read")
            # The autoscaler changes the count without necessarily changing the ETag.
            if (pool.count or 0) != allowed.pool.shape.count:
                raise Conflict(f"agent pool {name} has {pool.count} nodes by now")
            pool.count = shape.count
            pool.enable_auto_scaling = shape.autoscaler is not None
            # While the autoscaler is disabled, its bounds must not be set.
            pool.min_count = shape.autoscaler.min_count if shape.autoscaler else None
            pool.max_count = shape.autoscaler.max_count if shape.autoscaler else None
            tags = {key: value for key, value in (pool.tags or {}).items() if key != TAG}
            pool.tags = {**tags, **({TAG: shape.tag} if shape.tag else {})}
            self._client.agent_pools.begin_create_or_update(
                *self._cluster,
                name,
                pool,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                polling=False,
            )


@contextlib.contextmanager
def _count_conflicts(*, changes_count: bool) -> Iterator[None]:
    """Raise `Conflict` if Azure refuses a count that the autoscaler has changed since it was read.

    Args:
        changes_count: whether the request changes the count. Then the request itself is at fault.
    """
    try:
        yield
    except Rejected as error:
        if changes_count or _COUNT_REFUSED not in error.message.lower():
            raise
        raise Conflict(f"its count has moved since it was read: {error.message}") from error


def _pool(pool: Any) -> Pool:
    bounds = Autoscaler(pool.min_count or 0, pool.max_count or 0) if pool.enable_auto_scaling else None
    detail = pool.status.provisioning_error if pool.status else None
    return Pool(
        name=str(pool.name),
        mode=_text(pool.mode),
        shape=Shape(count=pool.count or 0, autoscaler=bounds, tag=(pool.tags or {}).get(TAG, "")),
        provisioning_state=str(pool.provisioning_state or ""),
        etag=str(pool.e_tag or ""),
        error=f"{detail.code}: {detail.message}" if detail else "",
        stopped=_text(pool.power_state.code if pool.power_state else None) == "Stopped",
        deallocates=_text(pool.scale_down_mode) == "Deallocate",
        uncounted=_text(pool.type_properties_type) == "VirtualMachines",
    )


def _text(value: Any) -> str:
    """The text of an enumeration's value, or of a value that the SDK does not know yet."""
    return str(getattr(value, "value", value) or "")
