"""What a pod signs in with: the credential of `azure-identity`, pointed at the emulator.

The SDK asks https addresses only. What it sends is sent over plain http here, and nothing else is changed.
"""

from pathlib import Path
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.identity import WorkloadIdentityCredential


class _PlainTransport(RequestsTransport):  # type: ignore[misc]  # the SDK loads it lazily, without types
    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request to the same URL without TLS."""
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kwargs)


def workload_credential(
    url: str, *, tenant: str, client_id: str, token_file: Path
) -> WorkloadIdentityCredential:
    """Return a credential that exchanges a service account's token at the emulator.

    Args:
        url: the emulator's base URL.
        tenant: the tenant.
        client_id: the client id of the identity, from the service account's annotation.
        token_file: the file to which the kubelet writes the service account's token.

    Returns:
        The credential. It caches access tokens; for a new exchange, create a new credential.
    """
    return WorkloadIdentityCredential(
        tenant_id=tenant,
        client_id=client_id,
        token_file_path=str(token_file),
        authority=url.replace("http://", "https://", 1),
        transport=_PlainTransport(),
        retry_total=0,
    )
