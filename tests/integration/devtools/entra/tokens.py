"""Tokens of service accounts, as an API server mints them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

ISSUER = "https://issuer.example/cluster/"
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:feature-x:web"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY, OTHER_KEY = (generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def claims(**changes: Any) -> dict[str, Any]:
    """What a token says."""
    said = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": NOW, "nbf": NOW}
    return {**said, "exp": NOW + timedelta(minutes=10), **changes}


def token(*, key: RSAPrivateKey = KEY, kid: str = "key-1", **changes: Any) -> str:
    """A token, signed."""
    return jwt.encode(claims(**changes), key, algorithm="RS256", headers={"kid": kid})


def key_set(keys: Mapping[str, RSAPrivateKey]) -> dict[str, Any]:
    """What publishes keys, by their names."""
    algorithm = jwt.algorithms.RSAAlgorithm
    published = [
        {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name} for name, key in keys.items()
    ]
    return {"keys": published}
