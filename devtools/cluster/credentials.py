"""Who signs in to a cluster of our own, and with what."""

import base64
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ADMIN = "cluster-admin"
KWOK = "kwok"
# Kubernetes has predefined roles for these two:
# https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles
CONTROLLERS = "system:kube-controller-manager"
SCHEDULER = "system:kube-scheduler"
_GROUPS = {ADMIN: "system:masters", KWOK: "system:masters", CONTROLLERS: "", SCHEDULER: ""}


def issue(folder: Path) -> dict[str, str]:
    """Write the tokens and the key by which the API server authenticates users and service accounts.

    Args:
        folder: The folder in which `tokens.csv` and `service-account.key` are written.

    Returns:
        The token of each user.
    """
    tokens = {user: secrets.token_urlsafe(24) for user in _GROUPS}
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "service-account.key").write_bytes(pem)
    lines = [f'{token},{user},{user},"{_GROUPS[user]}"' for user, token in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    return tokens


def write_kubeconfig(folder: Path, server: str, certificate: Path, user: str, token: str) -> Path:
    """Write a kubeconfig for one user.

    Args:
        folder: The folder in which the file is written.
        server: The API server's URL.
        certificate: The API server's self-signed certificate.
        user: The user's name.
        token: The user's token.

    Returns:
        The path of the file.
    """
    authority = base64.b64encode(certificate.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "local", "cluster": {"server": server, "certificate-authority-data": authority}}
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    }
    file = folder / f"{user.replace(':', '-')}.kubeconfig"
    file.write_text(json.dumps(config, indent=2))  # JSON is YAML
    return file
