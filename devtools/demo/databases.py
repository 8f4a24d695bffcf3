"""The demo's database server, set up as docs/how-to/give-branches-a-database.md asks for.

It is a real PostgreSQL, because only PostgreSQL itself decides what a role may do.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg

from coppice.components.database import marked
from devtools.demo.console import Console
from devtools.emulators.postgres.server import ADMIN, PostgresMissingError, postgres

TEMPLATE = "todo_staging"
"""The database that each branch's database is a copy of."""

TODOS = ((1, "Buy milk"), (2, "Water the plants"), (3, "Call Grace"))
"""The rows of the template's table."""

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_TEMPLATE_OWNER = "staging"
# What docs/how-to/give-branches-a-database.md asks of an administrator.
_SET_UP = (
    f"CREATE ROLE {_TEMPLATE_OWNER}",
    f"CREATE DATABASE {TEMPLATE} OWNER {_TEMPLATE_OWNER}",
    f"GRANT {_TEMPLATE_OWNER} TO {ADMIN}",
    f"GRANT CONNECT ON DATABASE postgres TO {ADMIN}",
    *(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC" for name in (TEMPLATE, "postgres", "template1")),
)
_CONTENTS = (
    f"SET ROLE {_TEMPLATE_OWNER}",
    "CREATE TABLE todos (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL)",
    *(f"INSERT INTO todos (title) VALUES ('{title}')" for _, title in TODOS),
)
_SET_UP_BY_ADMINISTRATOR = {"postgres", "template0", "template1", TEMPLATE, ADMIN, _TEMPLATE_OWNER}
_ALL = """
    SELECT 'database' AS kind, datname::text, shobj_description(oid, 'pg_database') FROM pg_database
    UNION ALL SELECT 'role', rolname::text, shobj_description(oid, 'pg_authid') FROM pg_roles
    WHERE oid >= 16384 ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Login:
    """The database login in a branch's Secret."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)

    def session(self, database: str = "") -> Session:
        """Sign in.

        Args:
            database: the database; empty means the login's own.

        Raises:
            psycopg.OperationalError: the server refused.
        """
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or self.database,
            autocommit=True,
        )

    def refusal(self, database: str) -> str:
        """Try to sign in to a database.

        Returns:
            The server's error message; empty if the login was accepted.
        """
        try:
            self.session(database).close()
        except psycopg.OperationalError as error:
            return str(error).partition("FATAL:")[2].partition("\n")[0].strip() or str(error)
        return ""

    def todos(self) -> list[tuple[int, str]]:
        """Sign in and read the rows of the table."""
        with self.session() as session:
            return [(row[0], row[1]) for row in session.execute("SELECT id, title FROM todos ORDER BY id")]


@dataclass(frozen=True, kw_only=True)
class Databases:
    """The server, as its superuser sees it.

    Attributes:
        superuser: the superuser's URL.
        admin: the program's URL; its role has far fewer rights.
    """

    superuser: str
    admin: str

    @property
    def settings(self) -> Mapping[str, str]:
        """The app settings that name the server."""
        return {"POSTGRES_SERVER_URL": self.admin, "DATABASE_TEMPLATE": TEMPLATE}

    def connect(self, database: str) -> Session:
        """Open a session of the superuser in a database."""
        return psycopg.connect(self.superuser, dbname=database, autocommit=True)

    def of(self, branch: str) -> list[str]:
        """The databases and roles whose comments name a branch."""
        owned = ((thing, marked(comment)) for thing, comment in self._with_comments())
        return [thing for thing, owner in owned if owner and owner[0].branch == branch]

    def leftovers(self) -> list[str]:
        """Every database and role that does not belong to the server's setup."""
        return [thing for thing, _ in self._with_comments()]

    def _with_comments(self) -> list[tuple[str, str | None]]:
        with self.connect("postgres") as session:
            rows = session.execute(_ALL).fetchall()
        return [
            (f"{kind}/{name}", comment)
            for kind, name, comment in rows
            if name not in _SET_UP_BY_ADMINISTRATOR
        ]


@contextlib.contextmanager
def databases() -> Iterator[Databases]:
    """Run the server, with the template database, for as long as the context lasts.

    Yields:
        The server.

    Raises:
        PostgresMissingError: PostgreSQL is not installed; the message says how to install it.
        RuntimeError: the server did not start.
    """
    with postgres() as cluster:
        made = Databases(superuser=cluster.superuser, admin=cluster.admin)
        with made.connect("postgres") as session:
            for statement in _SET_UP:
                session.execute(statement)
        with made.connect(TEMPLATE) as session:
            for statement in _CONTENTS:
                session.execute(statement)
            pid = session.info.backend_pid
        with made.connect("postgres") as session:
            # The session above is closed, but the server may not know it yet. A template must have none.
            session.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            session.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
        yield made


def databases_if_installed(stack: contextlib.ExitStack, console: Console) -> Databases | None:
    """Run the server until `stack` ends; print a remark and return None if PostgreSQL is not installed."""
    try:
        return stack.enter_context(databases())
    except PostgresMissingError as error:
        console.remark(f"Environments get no database in this demo. {error}")
        return None


def login(secret: Mapping[str, str]) -> Login:
    """Read a login from the values of a branch's Secret."""
    return Login(
        host=secret["host"],
        port=int(secret["port"]),
        database=secret["database"],
        user=secret["user"],
        password=secret["password"],
    )
