"""Parses `POSTGRES_SERVER_URL`: where the server is, and the role to connect as. Nothing here needs psycopg.

A connection to another machine is encrypted, and the server's certificate is verified. The URL can ask for
less verification, but not for no encryption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import certifi

from coppice.reconciler.errors import NotSetUp

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PLAIN = frozenset({"disable", "allow", "prefer"})
_MODES = _PLAIN | {"require", "verify-ca", "verify-full"}
_OPTIONS = frozenset({"sslmode", "sslrootcert"})
_FORM = "expected postgresql://admin@host:5432/postgres, with sslmode and sslrootcert as its only options"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A server, and the role to connect as.

    Args:
        host: its name.
        port: its port.
        user: the admin.
        password: its password; empty if it has none, or signs in with a token.
        database: the database to connect to by default.
        tls: TLS options, as libpq names them.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    tls: Mapping[str, Any]

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        return self.host in _LOOPBACK


def address(url: str) -> Address:
    """Parse the URL.

    Args:
        url: `postgresql://admin[:password]@host[:port]/database[?sslmode=…&sslrootcert=…]`.

    Returns:
        The address.

    Raises:
        NotSetUp: the URL is malformed, or asks for too little TLS. The message holds no part of the URL
            that could be a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:  # the message may quote a password that was not escaped
        raise _wrong(_FORM) from None
    host, user, database = parts.hostname or "", unquote(parts.username or ""), unquote(parts.path[1:])
    whole = parts.scheme in {"postgresql", "postgres"} and user and host and "," not in host and database
    if not whole or parts.fragment or not options.keys() <= _OPTIONS:
        raise _wrong(_FORM)
    mode = options.setdefault("sslmode", "prefer" if host in _LOOPBACK else "verify-full")
    if mode not in _MODES:
        raise _wrong("its sslmode is none that PostgreSQL knows")
    if mode in _PLAIN and host not in _LOOPBACK:
        raise _wrong(f"sslmode={mode} would let a password travel in the clear: use verify-full or require")
    if mode.startswith("verify") and not options.get("sslrootcert"):
        # The library that comes with psycopg's wheels does not find the system's certificates
        # (https://github.com/psycopg/psycopg/issues/928).
        options["sslrootcert"] = certifi.where()
    return Address(
        host=host,
        port=port,
        user=user,
        password=unquote(parts.password or ""),
        database=database,
        tls=options,
    )


def _wrong(why: str) -> NotSetUp:
    return NotSetUp(f"POSTGRES_SERVER_URL cannot be used: {why}")
