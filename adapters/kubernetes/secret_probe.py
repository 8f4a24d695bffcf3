"""Reads a Secret's metadata with the right to patch Secrets, and without the right to read them. No other
module sends a write in order to read.

RBAC cannot separate metadata from values: whoever may `get` a Secret may read its values, in every namespace
that the role is bound for. So none of our roles has that right. Provisioning may `patch` Secrets anyway,
because it applies them, and admission policies restrict that to environments. A patch without fields that is
a dry run persists nothing, and the answer has metadata alone. See docs/adr/0013-no-right-to-read-secrets.md.
"""

from collections.abc import Mapping
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from adapters.retry import retry_reads


class SecretProbeAdapter:
    """Reads metadata of Secrets by patches that are dry runs.

    Args:
        api: the cluster, as an identity that may patch Secrets.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    @retry_reads
    def metadata(self, namespace: str, name: str) -> Mapping[str, Any]:
        """Read the metadata of a Secret; its values are not sent.

        Args:
            namespace: its namespace.
            name: its name.

        Returns:
            The metadata, as the API server has them.

        Raises:
            Gone: there is no such Secret.
            Failure: the server refused, or did not answer.
        """
        where = path("v1", "secrets", namespace=namespace, name=name)
        metadata: Mapping[str, Any] = self._api.merge_dry_run(where, {})["metadata"]
        return metadata
