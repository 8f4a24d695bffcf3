"""Nodes as AKS creates them, which kwok simulates: an agent pool is a set of nodes with its labels."""

from collections.abc import Mapping
from typing import Any

DEALLOCATED = "coppice.dev/deallocated"
"""The annotation of a node whose machine is deallocated; nothing makes such a node ready."""


def node(
    pool: str, number: int, *, mode: str = "User", labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the Node object for one machine of an agent pool.

    kwok makes the node ready, and runs the pods that the scheduler places on it.

    Args:
        pool: The agent pool's name.
        number: The machine's number in the pool, from 0.
        mode: `System` or `User`.
        labels: The pool's own labels.

    Returns:
        The manifest, with the name and the labels that AKS would set; for the labels, see
        https://learn.microsoft.com/azure/aks/use-labels.
    """
    name = f"aks-{pool}-{_group(pool)}-vmss{number:06x}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                **(labels or {}),
                "agentpool": pool,
                "kubernetes.azure.com/agentpool": pool,
                "kubernetes.azure.com/mode": mode.lower(),
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": "Standard_D8s_v5",
            },
        },
        "status": {"allocatable": dict(_SIZE), "capacity": dict(_SIZE)},
    }


_SIZE = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "128Gi", "pods": "250"}


def _group(pool: str) -> str:
    # AKS puts a number of eight digits here, which is the same for all nodes of a pool.
    return f"{sum(pool.encode()):08d}"
