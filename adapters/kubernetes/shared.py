"""The two ConfigMaps of kube-system that Azure monitoring reads: read and replaced, and nothing else.

Nothing outside these two can be named to it, and it has no call that creates or deletes.
"""

from collections.abc import Collection

from adapters.kubernetes.client import Api, path
from branches.monitoring.shared import HOW_TO_MAKE, NAMESPACE, Shared, SharedConfig, SharedName
from loop.errors import Gone


class SharedAdapter:
    """Reads and replaces them.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        """Those that are asked for; `None` for one that does not exist, or was not asked for."""
        jobs, settings = (self._one(each) if each in names else None for each in SharedName)
        return Shared(jobs=jobs, settings=settings)

    def replace(self, config: SharedConfig) -> None:
        """Write the texts of one, if nobody has written to it since it was read; the rest of it stays.

        Args:
            config: as it was read, with other texts.

        Raises:
            Conflict: somebody has.
            Gone: it does not exist any more.
        """
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
            raise Gone(f"{config} is gone; {HOW_TO_MAKE}") from error

    def _one(self, name: SharedName) -> SharedConfig | None:
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


def _path(name: SharedName) -> str:
    return path("v1", "configmaps", namespace=NAMESPACE, name=SharedName(name))
