"""A Secret's metadata, for who may write Secrets and not read them. This is the one place that sends a write
in order to look.

RBAC cannot tell metadata from content: whoever may `get` a Secret may read its values, in every namespace
that the role is bound for. So no role of ours has that right. The right to `patch` Secrets is there anyhow,
because Secrets are applied, and admission policies hold it to environments. A dry run of a patch without a
field persists nothing, and it is answered with metadata alone. See docs/adr/0013-no-right-to-read-secrets.md.
"""

from collections.abc import Mapping
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from adapters.retry import retry_reads


class SecretProbeAdapter:
    """Asks for a Secret's metadata by a patch that is never carried out.

    Args:
        api: the cluster, as an identity that may patch Secrets.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    @retry_reads
    def metadata(self, namespace: str, name: str) -> Mapping[str, Any]:
        """A Secret's metadata; its values are not sent.

        Args:
            namespace: its namespace.
            name: its name.

        Returns:
            The metadata, as the API server has them.

        Raises:
            Gone: there is no such Secret.
            Failure: as the server answered.
        """
        where = path("v1", "secrets", namespace=namespace, name=name)
        metadata: Mapping[str, Any] = self._api.merge_dry_run(where, {})["metadata"]
        return metadata
