"""The two ConfigMaps in kube-system that Azure monitoring reads: read and edited, and nothing else.

The adapter can name no other object, and has no call that creates or deletes.
"""

import threading
from collections.abc import Callable, Collection

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from adapters.retry import retry_conflicts
from coppice.components.monitoring.shared import HOW_TO_MAKE, NAMESPACE, Shared, SharedConfig
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Gone

_LOCK_SECONDS = 10.0  # whoever holds it longer waits for a server that does not answer


class SharedAdapter:
    """Reads and edits the ConfigMaps.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._locks = {name: threading.Lock() for name in SharedName}

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        """Read the ConfigMaps.

        Args:
            names: which to read.

        Returns:
            Both; `None` for one that does not exist, or was not asked for.

        Raises:
            Failure: the server refused, or did not answer.
        """
        jobs, settings = (self._get(each) if each in names else None for each in SharedName)
        return Shared(jobs=jobs, settings=settings)

    def edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        """Read a ConfigMap, change its data, and write it back if nobody has changed it in between.

        A write that loses this race is made again from a new read. Threads of one process take a lock
        instead of racing each other, which is faster for all of them.

        Args:
            name: which one.
            change: returns the changed ConfigMap.

        Raises:
            Conflict: somebody else was faster each time.
            Gone: it does not exist.
            Failure: the server refused, or did not answer.
        """
        taken = self._locks[name].acquire(timeout=_LOCK_SECONDS)
        try:
            self._edit(name, change)
        finally:
            if taken:
                self._locks[name].release()

    @retry_conflicts
    def _edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        config = self._get(name)
        if config is None:
            raise Gone(_how_to_make(name))
        changed = change(config)
        if changed != config:
            self._replace(changed)

    def _replace(self, config: SharedConfig) -> None:
        metadata = {**config.document.get("metadata", {}), "name": config.name, "namespace": NAMESPACE}
        kept = {field: value for field, value in config.document.items() if field != "data"}
        try:
            self._api.put(
                _path(config.name),
                {
                    **kept,
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {**metadata, "resourceVersion": config.version},
                    "data": dict(config.data),
                },
            )
        except Gone as error:
            raise Gone(_how_to_make(config.name)) from error

    def _get(self, name: SharedName) -> SharedConfig | None:
        try:
            document = self._api.get(_path(name))
        except Gone:
            return None
        return SharedConfig(
            name=name,
            version=document["metadata"]["resourceVersion"],
            data=document.get("data") or {},
            document=document,
        )


def _how_to_make(name: SharedName) -> str:
    return f"ConfigMap {NAMESPACE}/{name} is gone; {HOW_TO_MAKE}"


def _path(name: SharedName) -> str:
    return path("v1", "configmaps", namespace=NAMESPACE, name=SharedName(name))
