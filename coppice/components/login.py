"""The login of an environment's database: a Secret in its namespace, which is the only place where it stands.

A note on the Secret says which delivery it is from, and to which address, so that a plan can tell without
reading it. Whether somebody has changed the Secret since, the API server's own account of its keys says.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias
from urllib.parse import quote

from coppice.components.application import TEMPLATE, Manifest
from coppice.environment.config import DatabaseConfig
from coppice.environment.references import ObjectRef
from coppice.reconciler.plan import Change

KEYS = frozenset({"host", "port", "database", "user", "password", "url"})
"""What a login consists of."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Password:
    """A password, which shows itself to nobody who prints it, or what holds it.

    Args:
        value: the password.
        stamp: names it.
    """

    value: str = field(repr=False)
    stamp: str

    def __str__(self) -> str:
        return f"password {self.stamp}"


class Passwords(Protocol):
    """Makes passwords."""

    def __call__(self) -> Password:
        """One that was never made before, and that nobody guesses."""


@dataclass(frozen=True, kw_only=True)
class DeliverLogin(Change):
    """Give the role a new password, and the environment a Secret with it.

    A plan holds this, and no password. Its steps are planned when a password has been made for them.
    """

    verb: ClassVar[str] = "deliver"
    namespace: str
    database: str
    secret: str
    host: str
    port: int

    @property
    def target(self) -> str:
        """The Secret."""
        return f"Secret/{self.secret}"

    def note(self, stamp: str) -> str:
        """What is noted on the Secret: a login that was delivered for another address is none for this one.

        Args:
            stamp: names the password.
        """
        return f"{stamp}@{self.host}:{self.port}"

    def steps(self, password: Password) -> "tuple[LoginStep, ...]":
        """The steps, in their order. A login is confirmed after the Secret has it, so that one which was cut
        short is replaced.

        Args:
            password: made for this delivery.
        """
        return (
            SetPassword(delivery=self, password=password),
            PutLogin(delivery=self, password=password),
            ConfirmLogin(delivery=self, password=password),
        )


@dataclass(frozen=True, kw_only=True)
class SetPassword:
    """Give the role a password; from then on no login counts as delivered."""

    delivery: DeliverLogin
    password: Password


@dataclass(frozen=True, kw_only=True)
class PutLogin:
    """Put the login into its Secret."""

    delivery: DeliverLogin
    password: Password


@dataclass(frozen=True, kw_only=True)
class ConfirmLogin:
    """Note that the login was delivered."""

    delivery: DeliverLogin
    password: Password


LoginStep: TypeAlias = SetPassword | PutLogin | ConfirmLogin


def login_reference(terms: DatabaseConfig) -> ObjectRef:
    """The Secret that a login is delivered in."""
    return ObjectRef("v1", "Secret", terms.secret)


def login_secret(change: DeliverLogin, password: str, stamp: str) -> Manifest:
    """The Secret with a login: its parts, and a URL that has them all.

    Args:
        change: where it is delivered, and for which database.
        password: the password.
        stamp: names this password.
    """
    place = f"{change.host}:{change.port}/{change.database}"
    query = "" if change.host in _LOOPBACK else "?sslmode=require"
    values = {
        "host": change.host,
        "port": str(change.port),
        "database": change.database,
        "user": change.database,
        "password": password,
        "url": f"postgresql://{change.database}:{quote(password, safe='')}@{place}{query}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": change.secret,
            "namespace": change.namespace,
            "labels": {"app.kubernetes.io/managed-by": "coppice"},
            "annotations": {TEMPLATE: change.note(stamp)},
        },
        "data": {name: b64encode(value.encode()).decode() for name, value in values.items()},
    }
