"""Where changes of a branch's database are carried out: one handler makes it, another one drops it."""

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
    """Makes databases and delivers their logins.

    Args:
        databases: the server.
        application: where the Secret goes.
        passwords: makes passwords.
    """

    databases: DatabaseWriter
    application: ApplicationWriter
    passwords: Passwords
    handles: ClassVar[tuple[type[Change], ...]] = (CreateDatabase, DeliverLogin)

    def provision(self, change: CreateDatabase | DeliverLogin) -> None:
        """Create a database, or take the steps of a delivery."""
        if isinstance(change, CreateDatabase):
            self.databases.create(change)
            return
        for step in change.steps(self.passwords()):
            self._take(step)

    def _take(self, step: LoginStep) -> None:
        password, delivery = step.password, step.delivery
        match step:
            case SetPassword():
                self.databases.set_password(delivery.database, password.value, password.stamp)
            case PutLogin():
                secret = login_secret(delivery, password.value, password.stamp)
                self.application.apply(delivery.namespace, secret)
            case ConfirmLogin():
                self.databases.confirm(delivery.database, password.stamp)


@dataclass(frozen=True)
class DatabaseRemover:
    """Drops databases.

    Args:
        databases: the server.
    """

    databases: DatabaseDropper
    handles: ClassVar[tuple[type[Change], ...]] = (DropDatabase,)

    def deprovision(self, change: DropDatabase) -> str | None:
        """Drop one; which sessions were ended, and what was left."""
        return str(self.databases.drop(change.owned)) or None
