"""The handlers of a branch's database: one creates it, and another drops it."""

from dataclasses import dataclass
from typing import ClassVar

from coppice.components.application import ApplicationWriter
from coppice.components.branch_database import DropDatabase
from coppice.components.database import CreateDatabase, DatabaseDropper, DatabaseWriter
from coppice.components.login import (
    ConfirmLogin,
    DeliverLogin,
    LoginStep,
    Passwords,
    PutLogin,
    SetPassword,
    login_secret,
)
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class DatabaseMaker:
    """Creates databases and delivers their logins.

    Args:
        databases: creates databases and sets passwords on the server.
        application: applies the login's Secret.
        passwords: generates passwords.
    """

    databases: DatabaseWriter
    application: ApplicationWriter
    passwords: Passwords
    handles: ClassVar[tuple[type[Change], ...]] = (CreateDatabase, DeliverLogin)

    def provision(self, change: CreateDatabase | DeliverLogin) -> None:
        """Create a database, or deliver a login with a new password.

        Args:
            change: the change to execute.

        Raises:
            Failure: the change could not be made.
        """
        if isinstance(change, CreateDatabase):
            self.databases.create(change)
            return
        for step in change.steps(self.passwords()):
            self._take(step)

    def _take(self, step: LoginStep) -> None:
        password, delivery = step.password, step.delivery
        match step:
            case SetPassword():
                self.databases.set_password(
                    delivery.database, password.value, password.stamp, owner=delivery.key
                )
            case PutLogin():
                secret = login_secret(delivery, password.value, password.stamp)
                self.application.apply(delivery.namespace, secret)
            case ConfirmLogin():
                self.databases.confirm(delivery.database, password.stamp, owner=delivery.key)


@dataclass(frozen=True)
class DatabaseRemover:
    """Drops databases.

    Args:
        databases: drops databases on the server.
    """

    databases: DatabaseDropper
    handles: ClassVar[tuple[type[Change], ...]] = (DropDatabase,)

    def deprovision(self, change: DropDatabase) -> str | None:
        """Drop a database and its role.

        Args:
            change: the change to execute.

        Returns:
            How many sessions were ended and what could not be dropped; `None` if there is nothing to say.

        Raises:
            Failure: the change could not be made.
        """
        return str(self.databases.drop(change.owned)) or None
