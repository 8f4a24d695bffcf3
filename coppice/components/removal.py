"""The changes that remove something.

A planner can only ask for a removal (`Remove`). Executors execute only a `Delete`, which requires a proof of
ownership (`Owned`). Only `coppice/lifecycle/ownership.py` creates the proof.

The proof holds the subject as it was read, so that a delete call can name exactly that object and no other.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from coppice.components.application import Live
from coppice.components.federated_identity import Credential, identity_lock
from coppice.components.namespace import Namespace
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.records import Record, Request
from coppice.reconciler.plan import Change

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True)
class Owned(Generic[S_co]):
    """Proof that a subject is ours.

    Args:
        subject: the subject, as it was read.
    """

    subject: S_co


@dataclass(frozen=True, kw_only=True)
class Remove(Change):
    """A request by a planner to delete something; no executor accepts it.

    Args:
        subject: what is to be deleted.
    """

    verb: ClassVar[str] = "delete"
    subject: object

    @property
    def target(self) -> str:
        """Return the subject's name."""
        return str(self.subject)


@dataclass(frozen=True, kw_only=True)
class Delete(Change):
    """A removal that passed the ownership check; each subclass removes one kind of subject."""

    verb: ClassVar[str] = "delete"
    of_environment: ClassVar[bool] = True
    """Whether the removal takes a part of the environment away. It does not if it only deletes a single
    object of the namespace, a record or a request.
    """
    owned: Owned[object]

    @property
    def target(self) -> str:
        """Return the subject's name."""
        return str(self.owned.subject)


@dataclass(frozen=True, kw_only=True)
class DeleteNamespace(Delete):
    """Delete an environment's namespace with everything in it."""

    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.NAMESPACE, ObservedPart.OBJECTS})
    owned: Owned[Namespace]


@dataclass(frozen=True, kw_only=True)
class DeleteCredential(Delete):
    """Delete a federated credential."""

    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.CREDENTIALS})
    owned: Owned[Credential]

    @property
    def lock(self) -> str:
        """Return the lock of the credential's identity."""
        return identity_lock(self.owned.subject.identity)


@dataclass(frozen=True, kw_only=True)
class DeleteObject(Delete):
    """Delete an object of an environment's namespace."""

    of_environment: ClassVar[bool] = False
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.OBJECTS})
    namespace: str
    owned: Owned[Live]


@dataclass(frozen=True, kw_only=True)
class DeleteRecord(Delete):
    """Delete a branch's record."""

    of_environment: ClassVar[bool] = False
    owned: Owned[Record]


@dataclass(frozen=True, kw_only=True)
class DeleteRequest(Delete):
    """Delete a person's request that was served or has ended, or whose branch is gone."""

    of_environment: ClassVar[bool] = False
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.RECORDS})
    owned: Owned[Request]


class NamespaceDeleter(Protocol):
    """Deletes namespaces. Only deprovisioning is given one."""

    def delete(self, owned: Owned[Namespace]) -> None:
        """Request the deletion of exactly the namespace that was read.

        A namespace that is already gone is not an error.

        Args:
            owned: the namespace, with the proof that it is ours.
        """


class CredentialDeleter(Protocol):
    """Deletes federated credentials."""

    def delete(self, owned: Owned[Credential]) -> None:
        """Delete a credential. A credential that is already gone is not an error.

        Args:
            owned: the credential, with the proof that it is ours.
        """


class ObjectDeleter(Protocol):
    """Deletes objects of an environment's namespace."""

    def delete(self, namespace: str, owned: Owned[Live]) -> None:
        """Request the deletion of exactly the object that was read.

        An object that is already gone is not an error.

        Args:
            namespace: the environment's namespace.
            owned: the object, with the proof that it is ours.
        """


class RequestDeleter(Protocol):
    """Deletes requests."""

    def delete_request(self, owned: Owned[Request]) -> None:
        """Delete the request that was read, unless it has changed since.

        Args:
            owned: the request, with the proof that it is ours.
        """


class RecordDeleter(RequestDeleter, Protocol):
    """Deletes requests and records. Only deprovisioning is given one."""

    def delete_record(self, owned: Owned[Record]) -> None:
        """Delete the record that was read, unless it has changed since.

        Args:
            owned: the record, with the proof that it is ours.
        """
