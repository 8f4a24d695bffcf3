"""The login of an environment's database.

The login is stored only in a Secret in the environment's namespace. An annotation on the Secret names the
delivery that it is from and the server's address, so that a plan can compare it without reading the Secret's
values. The managed fields that the API server keeps of the Secret's keys show whether somebody has changed
it since.
"""

from base64 import b64encode
from collections.abc import Set
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias
from urllib.parse import quote

from coppice.components.application import TEMPLATE, Manifest
from coppice.environment.config import DatabaseConfig
from coppice.environment.key import Key
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.references import ObjectRef
from coppice.reconciler.plan import Change

KEYS = frozenset({"host", "port", "database", "user", "password", "url"})
"""The keys of the Secret."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Password:
    """A password that is not shown when it, or an object that holds it, is printed.

    Args:
        value: the password.
        stamp: an identifier of the password, which is not secret.
    """

    value: str = field(repr=False)
    stamp: str

    def __str__(self) -> str:
        return f"password {self.stamp}"


class Passwords(Protocol):
    """Generates passwords."""

    def __call__(self) -> Password:
        """Return a new password that is unique and cannot be guessed."""


@dataclass(frozen=True, kw_only=True)
class DeliverLogin(Change):
    """Set a new password for the role, and put it into a Secret in the environment.

    The change contains no password, so that a plan never holds one. The password is generated when the change
    is executed, and `steps` returns the steps for it.
    """

    verb: ClassVar[str] = "deliver"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.DATABASE, ObservedPart.OBJECTS})
    key: Key
    namespace: str
    database: str
    secret: str
    host: str
    port: int

    @property
    def target(self) -> str:
        """Return the Secret's name."""
        return f"Secret/{self.secret}"

    def note(self, stamp: str) -> str:
        """Return the annotation for the Secret.

        It contains the server's address, so that a login for another address does not count as delivered.

        Args:
            stamp: the identifier of the password.
        """
        return f"{stamp}@{self.host}:{self.port}"

    def steps(self, password: Password) -> "tuple[LoginStep, ...]":
        """Return the steps of the delivery, in order.

        The login is confirmed only after the Secret holds it. So an interrupted delivery is not confirmed,
        and the next one replaces it.

        Args:
            password: a password that was generated for this delivery.
        """
        return (
            SetPassword(delivery=self, password=password),
            PutLogin(delivery=self, password=password),
            ConfirmLogin(delivery=self, password=password),
        )


@dataclass(frozen=True, kw_only=True)
class SetPassword:
    """Set the role's password. From then on no login counts as delivered until one is confirmed."""

    delivery: DeliverLogin
    password: Password


@dataclass(frozen=True, kw_only=True)
class PutLogin:
    """Apply the Secret with the login."""

    delivery: DeliverLogin
    password: Password


@dataclass(frozen=True, kw_only=True)
class ConfirmLogin:
    """Record on the role that the login was delivered."""

    delivery: DeliverLogin
    password: Password


LoginStep: TypeAlias = SetPassword | PutLogin | ConfirmLogin


def login_reference(terms: DatabaseConfig) -> ObjectRef:
    """Return the reference of the Secret that a login is delivered in.

    Args:
        terms: the configuration of branch databases.
    """
    return ObjectRef("v1", "Secret", terms.secret)


def login_secret(change: DeliverLogin, password: str, stamp: str) -> Manifest:
    """Return the Secret of a login. It holds the login's parts and a URL that contains all of them.

    Args:
        change: the delivery, which names the namespace, the Secret and the database.
        password: the password.
        stamp: the identifier of the password.
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
