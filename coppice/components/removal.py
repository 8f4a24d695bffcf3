"""Removals: a plan can only wish for one (`Remove`); what is carried out is a `Delete`, and that needs
proof (`Owned`).

The proof names the very thing that was read, so that the API can be asked to delete that one and no other.
`coppice/lifecycle/ownership.py` alone makes it.
"""

from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from coppice.components.application import Live
from coppice.components.federated_identity import Credential, identity_lock
from coppice.components.namespace import Namespace
from coppice.environment.records import Record, Request
from coppice.reconciler.plan import Change

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True)
class Owned(Generic[S_co]):
    """Proof that something is ours."""

    subject: S_co


@dataclass(frozen=True, kw_only=True)
class Remove(Change):
    """A wish to delete something."""

    verb: ClassVar[str] = "delete"
    subject: object

    @property
    def target(self) -> str:
        """What is to go."""
        return str(self.subject)


@dataclass(frozen=True, kw_only=True)
class Delete(Change):
    """A removal that policy let through; its children say of what."""

    verb: ClassVar[str] = "delete"
    of_environment: ClassVar[bool] = True
    """Whether it takes a piece of the environment away, and not only what is said or kept of it."""
    owned: Owned[object]

    @property
    def target(self) -> str:
        """What goes."""
        return str(self.owned.subject)


@dataclass(frozen=True, kw_only=True)
class DeleteNamespace(Delete):
    """An environment's namespace, and all that is in it."""

    owned: Owned[Namespace]


@dataclass(frozen=True, kw_only=True)
class DeleteCredential(Delete):
    """A federated credential."""

    owned: Owned[Credential]

    @property
    def lock(self) -> str:
        """Its identity's."""
        return identity_lock(self.owned.subject.identity)


@dataclass(frozen=True, kw_only=True)
class DeleteObject(Delete):
    """An object of an environment's namespace."""

    of_environment: ClassVar[bool] = False
    namespace: str
    owned: Owned[Live]


@dataclass(frozen=True, kw_only=True)
class DeleteRecord(Delete):
    """A branch's record."""

    of_environment: ClassVar[bool] = False
    owned: Owned[Record]


@dataclass(frozen=True, kw_only=True)
class DeleteRequest(Delete):
    """A person's request that has been served, or has lost its object."""

    of_environment: ClassVar[bool] = False
    owned: Owned[Request]


class NamespaceDeleter(Protocol):
    """Deletes namespaces. Nothing that provisions is ever handed one."""

    def delete(self, owned: Owned[Namespace]) -> None:
        """Ask the very namespace that was read to go; one that is gone by then is no error."""


class CredentialDeleter(Protocol):
    """Deletes federated credentials."""

    def delete(self, owned: Owned[Credential]) -> None:
        """Delete a credential; one that is gone by then is no error."""


class ObjectDeleter(Protocol):
    """Deletes objects of an environment's namespace."""

    def delete(self, namespace: str, owned: Owned[Live]) -> None:
        """Ask the very object that was read to go; one that is gone by then is no error."""


class RequestDeleter(Protocol):
    """Removes requests."""

    def delete_request(self, owned: Owned[Request]) -> None:
        """Remove the request that was read, unless it has changed since."""


class RecordDeleter(RequestDeleter, Protocol):
    """Removes records, too. Only what takes environments away is handed one."""

    def delete_record(self, owned: Owned[Record]) -> None:
        """Remove the record that was read, unless it has changed since."""
