"""The keys that issuers publish, found by OpenID Connect discovery.

The name of a cluster's issuer need not be an address that can be reached from here, so the emulator is told
where each issuer's documents are served: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import jwt

from devtools.emulators.entra.errors import no_keys

_DISCOVERY = "/.well-known/openid-configuration"


def issuer_served_by(server: httpx.Client) -> str:
    """Return the issuer whose discovery document a server serves.

    Args:
        server: the server, such as a cluster's API server.

    Returns:
        The issuer, as in its tokens' `iss` claim.

    Raises:
        httpx.HTTPStatusError: the server has no such document, or refuses access to it.
    """
    return str(server.get(_DISCOVERY).raise_for_status().json()["issuer"])


def published_keys(issuer: str, servers: Mapping[str, httpx.Client]) -> jwt.PyJWKSet:
    """Return the keys that an issuer publishes at this moment.

    Args:
        issuer: the issuer, as in its tokens.
        servers: issuer → the server of its documents.

    Returns:
        The keys.

    Raises:
        EntraError: the keys cannot be read, or the documents name another issuer.
    """
    try:
        server = servers[issuer]
        document = server.get(_DISCOVERY).raise_for_status().json()
        if document["issuer"] != issuer:
            raise no_keys()
        # Only the path of the URL is used: its host may be unreachable, like the issuer's.
        keys = server.get(urlsplit(document["jwks_uri"]).path).raise_for_status().json()
        return jwt.PyJWKSet.from_dict(keys)
    except (httpx.HTTPError, ValueError, KeyError, jwt.PyJWKSetError) as error:
        raise no_keys() from error
