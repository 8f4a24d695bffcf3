"""An environment's database: one on a server that all share, with a login role of the same name that owns it.

Whose they are stands in the role's comment, which is there from its first moment and which the branch cannot
change: nothing is dropped but such a role, and the database that it owns. The database's comment is written
last, when the database is whole; its owner may write there what it likes.
"""

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

from coppice.environment.key import Key
from coppice.reconciler.plan import Change

if TYPE_CHECKING:
    from coppice.components.removal import Owned

_MARK = "Coppice made it for: "


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database and its role; either may stand alone after a crash.

    Args:
        name: the name of both.
        oid: the database's identity: one created anew has another; `None` if the role stands alone.
        role: the role's; `None` if the database stands alone.
        owner: the branch that is marked on them; `None` if they are someone else's.
        login: names the password that was delivered last; empty if none was.
        finished: whether nothing is lacking.
        sessions: how many sessions hold it.
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
    """What there is to say of a database that was dropped.

    Args:
        sessions: how many were ended.
        left: what could not be dropped, and why; empty if nothing is left.
    """

    sessions: int = 0
    left: str = ""

    def __str__(self) -> str:
        ended = f"{self.sessions} sessions were ended" if self.sessions else ""
        return "; ".join(filter(None, (ended, self.left)))


@dataclass(frozen=True, kw_only=True)
class CreateDatabase(Change):
    """Create a branch's database and its role, or finish what was begun of them."""

    verb: ClassVar[str] = "create"
    key: Key
    name: str
    template: str
    connections: int

    @property
    def target(self) -> str:
        """The database."""
        return f"database/{self.name}"


def mark(key: Key, login: str = "", *, pending: str = "") -> str:
    """The comment that says whose a database or a role is.

    Args:
        key: the branch.
        login: names the password that was delivered last; on the role alone.
        pending: names one that was set and is being delivered; on the role alone, and no login.
    """
    owner = {"repository": key.repository, "branch": key.branch}
    stamps = {"login": login, "pending": pending}
    return _MARK + json.dumps(owner | {name: stamp for name, stamp in stamps.items() if stamp})


def marked(comment: str | None) -> tuple[Key, str] | None:
    """The branch, and the login, that a comment names; `None` if it is no mark of ours."""
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
    """Say whose a database is, and whether it is whole.

    Args:
        bare: the database as no one's.
        comments: the role's comment, and the database's.
        owned: whether the database belongs to the role of its name.
        fenced: whether the database takes connections, and none from PUBLIC.
        signs_in: whether the role may sign in.

    Returns:
        The database. It is a branch's if the role's mark says so, and the database, where it stands, belongs
        to that role. Whatever its own comment says proves nothing, and tells only whether it is whole.
    """
    role, database = marked(comments[0]), marked(comments[1])
    if role is None or not (owned or bare.oid is None):
        return bare
    owner, login = role[0], role[1] if signs_in else ""
    marked_whole = database is not None and database[0] == owner
    return replace(bare, owner=owner, login=login, finished=bool(marked_whole and login and fenced))


def why_taken(database: Database | None, key: Key) -> str:
    """Say why a database cannot be a branch's.

    Args:
        database: what stands under its name, if anything does.
        key: the branch.

    Returns:
        The reason; empty if it can.
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
        """A database and its role; one call."""

    def all(self, prefix: str) -> tuple[Database, ...]:
        """Every one whose name begins like this; one call."""

    def open_to_public(self) -> tuple[str, ...]:
        """The server's databases to which every role may connect, those of branches too; one call."""


class DatabaseWriter(Protocol):
    """Makes databases, and drops none."""

    def create(self, change: CreateDatabase) -> None:
        """Create a database and its role, or finish what was begun.

        Raises:
            Failure: `Conflict` if the template is in use, `Forbidden` if a grant is missing; which one.
        """

    def set_password(self, name: str, password: str, stamp: str) -> None:
        """Give the role a password of this name, and let it sign in. From now on no login counts as
        delivered.
        """

    def confirm(self, name: str, stamp: str) -> None:
        """Note that the password of this name was delivered.

        Raises:
            Conflict: another was set since, and one of the two is in the Secret. From now on no login counts
                as delivered.
        """


class DatabaseDropper(Protocol):
    """Drops databases. Only what takes environments away is handed one."""

    def drop(self, owned: "Owned[Database]") -> Dropped:
        """Drop the very database that was read, and its role; what is gone by then is no error. What
        others have granted to the role keeps it from nothing.

        Raises:
            Conflict: it is no longer the one that was read.
        """
