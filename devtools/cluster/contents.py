"""What a new cluster gets before it is used: custom kinds, storage classes and nodes."""

from functools import partial
from pathlib import Path

import httpx

from devtools.cluster.connection import connect
from devtools.cluster.crds import definitions
from devtools.cluster.nodes import node
from devtools.cluster.stages import storage_classes
from devtools.cluster.waiting import wait_for

POOL = "apps"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NODES = "/api/v1/nodes"


def fill(kubeconfig: Path, *, nodes: int) -> None:
    """Create the initial objects, and wait until each of them works.

    Args:
        kubeconfig: The cluster, as an administrator.
        nodes: How many nodes the agent pool `apps` has.

    Raises:
        TimeoutError: Something was still not ready after a minute.
    """
    with connect(kubeconfig) as api:
        for storage_class in storage_classes():
            api.post("/apis/storage.k8s.io/v1/storageclasses", json=storage_class).raise_for_status()
        for number in range(nodes):
            api.post(_NODES, json=node(POOL, number)).raise_for_status()
        install_definitions(api)
        wait_for("nodes to be ready", lambda: len(_named(api, _NODES, condition="Ready")) == nodes)
        # Pods are refused in a namespace until the controller manager has created this account.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        wait_for("the default service account", lambda: api.get(account).is_success)


def install_definitions(api: httpx.Client) -> None:
    """Create the custom resource definitions that a cluster lacks, and wait until their objects are served.

    Args:
        api: The cluster, as an administrator.

    Raises:
        TimeoutError: Some were still not established, or their objects not served, after a minute.
    """
    wanted = {definition["metadata"]["name"]: definition for definition in definitions()}
    for name in wanted.keys() - _named(api, _DEFINITIONS):
        api.post(_DEFINITIONS, json=wanted[name]).raise_for_status()
    wait_for(
        "custom resource definitions to be established",
        lambda: wanted.keys() <= _named(api, _DEFINITIONS, condition="Established"),
    )
    # An established kind still answers 404 or 429 until its storage is ready.
    for name, definition in wanted.items():
        group = f"/apis/{definition['spec']['group']}"
        for version in definition["spec"]["versions"]:
            if version["served"]:
                path = f"{group}/{version['name']}/{definition['spec']['names']['plural']}"
                wait_for(f"{name} to be served", partial(_is_served, api, path))


def _is_served(api: httpx.Client, path: str) -> bool:
    return api.get(path).is_success


def _named(api: httpx.Client, path: str, *, condition: str = "") -> set[str]:
    """Return the names of the objects in a list; with `condition`, only of those whose condition is true."""
    return {
        item["metadata"]["name"]
        for item in api.get(path).raise_for_status().json()["items"]
        if not condition
        or any(
            one["type"] == condition and one["status"] == "True"
            for one in item.get("status", {}).get("conditions") or []
        )
    }
