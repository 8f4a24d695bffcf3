"""What exists in Azure before the first request: the document that `--world` reads, and an example.

It is a document because the emulator usually runs in a process of its own.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class Identity(_Part):
    """A user-assigned managed identity."""

    resource_group: str
    name: str
    client_id: str
    principal_id: str


class Cluster(_Part):
    """The AKS cluster; `issuer_url` ends with a slash, as on AKS."""

    resource_group: str
    name: str
    fqdn: str
    issuer_url: str


class ManualScale(_Part):
    """The number of machines of one size in a pool of type `VirtualMachines`."""

    size: str
    count: int


class Pool(_Part):
    """An agent pool; `min_count` and `max_count` are set only with the autoscaler.

    A pool of type `VirtualMachines` has `virtual_machines`, and neither a count nor a size of its own:
    https://learn.microsoft.com/azure/aks/virtual-machines-node-pools.
    """

    name: str
    mode: str
    count: int = 0
    enable_auto_scaling: bool = False
    min_count: int | None = None
    max_count: int | None = None
    vm_size: str = "Standard_D4s_v5"
    tags: dict[str, str] | None = None
    scale_down_mode: Literal["Delete", "Deallocate"] | None = None
    power_state: Literal["Running", "Stopped"] = "Running"
    virtual_machines: tuple[ManualScale, ...] = ()


def properties(pool: Pool) -> dict[str, object]:
    """Return an agent pool's `properties` in ARM."""
    machines = [each.model_dump() for each in pool.virtual_machines]
    sized: dict[str, object] = (
        {
            "type": "VirtualMachines",
            "virtualMachinesProfile": {"scale": {"manual": machines}},
            "virtualMachineNodesStatus": machines,
        }
        if machines
        else {"type": "VirtualMachineScaleSets", "count": pool.count, "vmSize": pool.vm_size}
    )
    optional = {
        "minCount": pool.min_count,
        "maxCount": pool.max_count,
        "tags": pool.tags,
        "scaleDownMode": pool.scale_down_mode,
    }
    return {
        "mode": pool.mode,
        **sized,
        "osType": "Linux",
        "enableAutoScaling": pool.enable_auto_scaling,
        "nodeLabels": {"pool": pool.name},
        "eTag": f"{pool.name}-1",
        "provisioningState": "Succeeded",
        "powerState": {"code": pool.power_state},
        **{name: value for name, value in optional.items() if value is not None},
    }


class World(_Part):
    """One subscription with one cluster."""

    subscription: str
    tenant: str
    location: str
    resource_groups: tuple[str, ...]
    identities: tuple[Identity, ...]
    cluster: Cluster
    pools: tuple[Pool, ...]


def example_world() -> World:
    """Return the subscription that the demo and most tests start with."""
    tenant = "00000000-0000-0000-0000-00000000000a"
    return World(
        subscription="00000000-0000-0000-0000-000000000001",
        tenant=tenant,
        location="northeurope",
        resource_groups=("rg-coppice",),
        identities=tuple(
            Identity(
                resource_group="rg-coppice",
                name=f"id-feature-{number}",
                client_id=f"00000000-0000-0000-000c-00000000000{number}",
                principal_id=f"00000000-0000-0000-000d-00000000000{number}",
            )
            for number in (1, 2)
        ),
        cluster=Cluster(
            resource_group="rg-coppice",
            name="aks-coppice",
            fqdn="aks-coppice-0a1b2c3d.hcp.northeurope.azmk8s.io",
            issuer_url=(
                f"https://northeurope.oic.prod-aks.azure.com/{tenant}/00000000-0000-0000-0000-00000000000c/"
            ),
        ),
        pools=(
            Pool(name="system", mode="System", count=1),
            Pool(name="dev", mode="User", count=2, enable_auto_scaling=True, min_count=1, max_count=3),
            Pool(name="staging", mode="User", count=1, enable_auto_scaling=True, min_count=1, max_count=2),
            Pool(name="prod", mode="User", count=3),
        ),
    )
