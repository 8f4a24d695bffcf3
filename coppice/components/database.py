"""An environment's database on a shared PostgreSQL server, and the login role of the same name that owns it.

The role's comment names the branch that owns both. It exists as soon as the role does, and the branch cannot
change it. Only a role with such a comment is dropped, and only the database that this role owns. The
database's own comment is written last, when the database is complete. It is no proof of ownership, because
the role can change it.
"""

import json
from collections.abc import Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

from coppice.environment.key import Key
from coppice.environment.observed_parts import ObservedPart
from coppice.reconciler.plan import Change

if TYPE_CHECKING:
    from coppice.components.removal import Owned

_MARK = "Coppice made it for: "


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database and its role. After a crash, only one of the two may exist.

    Args:
        name: the name of both.
        oid: the database's OID, which differs from that of a database created later under the same name;
            `None` if only the role exists.
        role: the role's OID; `None` if only the database exists.
        owner: the branch that the role's mark names; `None` if they are not ours.
        login: the stamp of the password that was delivered last; empty if none was.
        finished: whether both are complete and a login was delivered.
        sessions: the number of sessions that are connected to it.
    """

    name: str
    oid: int | None
    role: int | None
    owner: Key | None
    login: str
    finished: bool
    sessions: int = 0

    def __str__(self) -> str:
        return f"database/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """The result of dropping a database.

    Args:
        sessions: the number of sessions that were ended.
        left: what could not be dropped, and why; empty if nothing is left.
    """

    sessions: int = 0
    left: str = ""

    def __str__(self) -> str:
        ended = f"{self.sessions} sessions were ended" if self.sessions else ""
        return "; ".join(filter(None, (ended, self.left)))


@dataclass(frozen=True, kw_only=True)
class CreateDatabase(Change):
    """Create a branch's database and its role, or complete those that were created in part."""

    verb: ClassVar[str] = "create"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.DATABASE})
    key: Key
    name: str
    template: str
    connections: int

    @property
    def target(self) -> str:
        """Return the database's name."""
        return f"database/{self.name}"


def mark(key: Key, login: str = "", *, pending: str = "") -> str:
    """Return the comment that names the owner of a database or a role.

    Args:
        key: the branch that owns it.
        login: the stamp of the password that was delivered last; only on a role.
        pending: the stamp of a password that was set and is not yet delivered; only on a role. It does not
            count as a login.
    """
    owner = {"repository": key.repository, "branch": key.branch}
    stamps = {"login": login, "pending": pending}
    return _MARK + json.dumps(owner | {name: stamp for name, stamp in stamps.items() if stamp})


def mark_start(key: Key) -> str:
    """Return what every mark of a branch starts with, whichever stamps follow, and that of no other branch.

    Args:
        key: the branch.
    """
    return mark(key).removesuffix("}")


def marked(comment: str | None) -> tuple[Key, str] | None:
    """Return the branch and the login that a comment names; `None` if the comment is not a mark of ours."""
    if comment is None or not comment.startswith(_MARK):
        return None
    try:
        said = json.loads(comment.removeprefix(_MARK))
        values = said["repository"], said["branch"], said.get("login", "")
        if not all(isinstance(value, str) for value in values):
            return None
        return Key(repository=values[0], branch=values[1]), values[2]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def recognised(
    bare: Database, *, comments: tuple[str | None, str | None], owned: bool, fenced: bool, signs_in: bool
) -> Database:
    """Return a database with its owner, and with whether it is complete.

    Args:
        bare: the database without an owner.
        comments: the role's comment and the database's comment.
        owned: whether the role of the same name owns the database.
        fenced: whether the database accepts connections, and PUBLIC may not connect.
        signs_in: whether the role may sign in.

    Returns:
        The database. It belongs to the branch that the role's mark names, if the role owns the database or
        the database does not exist. The database's own comment proves no ownership; it only shows whether the
        database is complete.
    """
    role, database = marked(comments[0]), marked(comments[1])
    if role is None or not (owned or bare.oid is None):
        return bare
    owner, login = role[0], role[1] if signs_in else ""
    marked_whole = database is not None and database[0] == owner
    return replace(bare, owner=owner, login=login, finished=bool(marked_whole and login and fenced))


def why_taken(database: Database | None, key: Key) -> str:
    """Return why a branch cannot have the database of its name.

    Args:
        database: the database or the role that exists under that name; `None` if there is none.
        key: the branch.

    Returns:
        The reason; empty if the branch can have it.
    """
    if database is None or database.owner == key:
        return ""
    if database.owner is None:
        return (
            f"{database} or the role of that name stands and bears no mark of ours: it is someone else's, "
            "who renames or drops it, or the branch takes another name"
        )
    owner = f"branch {database.owner.branch!r} of {database.owner.repository}"
    return f"{database} belongs to {owner}, so {key.branch!r} cannot have it"


class DatabaseReader(Protocol):
    """Reads databases."""

    def get(self, name: str) -> Database | None:
        """Return a database and its role, in one call; `None` if neither exists."""

    def all(self, prefix: str) -> tuple[Database, ...]:
        """Return every database whose name begins with a prefix, in one call."""

    def open_to_public(self) -> tuple[str, ...]:
        """Return the databases of the server that PUBLIC may connect to, in one call.

        Every role can connect to them, those of branches included.
        """


class DatabaseWriter(Protocol):
    """Creates databases and sets passwords. It cannot drop databases."""

    def create(self, change: CreateDatabase) -> None:
        """Create a database and its role, or complete those that were created in part.

        Args:
            change: the database to create.

        Raises:
            Failure: `Conflict` if the template is in use; `Forbidden` if a grant is missing, and the message
                names it.
        """

    def set_password(self, name: str, password: str, stamp: str, *, owner: Key) -> None:
        """Set the role's password and allow the role to sign in.

        From then on no login counts as delivered until one is confirmed.

        Args:
            name: the role's name.
            password: the password.
            stamp: the identifier of the password.
            owner: the branch that the role's mark names.

        Raises:
            Conflict: the role is not, or no longer, this branch's.
        """

    def confirm(self, name: str, stamp: str, *, owner: Key) -> None:
        """Record on the role that a password was delivered.

        Args:
            name: the role's name.
            stamp: the identifier of the password.
            owner: the branch that the role's mark names.

        Raises:
            Conflict: the role is not, or no longer, this branch's; or another password was set since, and it
                is not known which of the two the Secret holds. From then on no login counts as delivered.
        """


class DatabaseDropper(Protocol):
    """Drops databases. Only deprovisioning is given one."""

    def drop(self, owned: "Owned[Database]") -> Dropped:
        """Drop exactly the database that was read, and its role.

        What is already gone is not an error. Privileges that others have granted to the role do not prevent
        this.

        Args:
            owned: the database, with the proof that it is ours.

        Returns:
            How many sessions were ended, and what could not be dropped.

        Raises:
            Conflict: it is no longer the database that was read.
        """
