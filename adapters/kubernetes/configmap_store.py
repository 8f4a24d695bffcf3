"""ConfigMaps in `coppice-system`, which hold what the program remembers. kubectl shows them to people.

Every write notes the correlation ID of what led to it.
"""

from collections.abc import Mapping

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from coppice.components.namespace import MANAGED_BY
from coppice.reconciler.correlation import annotation
from coppice.reconciler.errors import Failure, Gone, NotSetUp

SYSTEM = "coppice-system"
KIND = "coppice.dev/kind"
OURS = f"{MANAGED_BY}=coppice"


def config_map_path(name: str = "") -> str:
    """Build the path of a ConfigMap in `coppice-system`.

    Args:
        name: its name; empty for all of them.

    Returns:
        The path.
    """
    return path("v1", "configmaps", namespace=SYSTEM, name=name)


def write_config_map(
    api: Api,
    name: str,
    *,
    kind: str,
    data: Mapping[str, str],
    version: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> None:
    """Create or replace a ConfigMap, if it has not changed since it was read.

    Args:
        api: the cluster.
        name: the ConfigMap's name.
        kind: the value of its label `coppice.dev/kind`.
        data: its data.
        version: the resource version that was read; empty if there was no such ConfigMap.
        labels: further labels.
        annotations: its annotations, beside the correlation ID.

    Raises:
        Conflict: it has changed since, or one exists where none was read.
        NotSetUp: `coppice-system` does not exist.
    """
    metadata = {
        "name": name,
        "namespace": SYSTEM,
        "labels": {MANAGED_BY: "coppice", KIND: kind, **(labels or {})},
        "annotations": {**(annotations or {}), **annotation()},
        **({"resourceVersion": version} if version else {}),
    }
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    try:
        if version:
            api.put(config_map_path(name), document)
        else:
            api.post(config_map_path(), document)
    except Gone as error:
        raise not_set_up(error) from error


def check_system(api: Api) -> None:
    """Check that the namespace `coppice-system` exists.

    Args:
        api: the cluster.

    Raises:
        NotSetUp: it does not.
    """
    try:
        api.get(path("v1", "namespaces", name=SYSTEM))
    except Gone as error:
        raise not_set_up(error) from error


def not_set_up(error: Gone) -> Failure:
    """Turn a 404 into what it means in `coppice-system`.

    Args:
        error: the 404.

    Returns:
        `NotSetUp` if the namespace itself is missing; else the error.
    """
    if f'namespaces "{SYSTEM}" not found' in error.message:
        return NotSetUp(
            f"namespace {SYSTEM} does not exist: an administrator of the cluster runs "
            "`deploy/cluster/install`"
        )
    return error
