"""The database server of the demo: what an administrator has set up there, and what stands there.

It is PostgreSQL itself, for what a role may and may not do is decided by nobody else.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg

from coppice.components.database import marked
from devtools.demo.console import Teller
from devtools.emulators.postgres.server import ADMIN, PostgresMissingError, postgres

TEMPLATE = "todo_staging"
"""The database that each branch's is a copy of."""

TODOS = ((1, "Buy milk"), (2, "Water the plants"), (3, "Call Grace"))
"""What is in its table."""

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_TEMPLATE_OWNER = "staging"
# What docs/databases.md asks of an administrator.
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
_OWN = {"postgres", "template0", "template1", TEMPLATE, ADMIN, _TEMPLATE_OWNER}
_EMULATORG = """
    SELECT 'database' AS kind, datname::text, shobj_description(oid, 'pg_database') FROM pg_database
    UNION ALL SELECT 'role', rolname::text, shobj_description(oid, 'pg_authid') FROM pg_roles
    WHERE oid >= 16384 ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a branch's Secret says about its database."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)

    def session(self, database: str = "") -> Session:
        """Sign in.

        Args:
            database: where to; empty means the login's own.

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
            What the server said against it; empty if it let us in.
        """
        try:
            self.session(database).close()
        except psycopg.OperationalError as error:
            return str(error).partition("FATAL:")[2].partition("\n")[0].strip() or str(error)
        return ""

    def todos(self) -> list[tuple[int, str]]:
        """What is in the table, read by signing in."""
        with self.session() as session:
            return [(row[0], row[1]) for row in session.execute("SELECT id, title FROM todos ORDER BY id")]


@dataclass(frozen=True, kw_only=True)
class Databases:
    """The server, seen by its superuser.

    Attributes:
        superuser: its URL.
        admin: the URL for the program, whose role may do much less.
    """

    superuser: str
    admin: str

    @property
    def settings(self) -> Mapping[str, str]:
        """App settings by which the program finds it."""
        return {"POSTGRES_SERVER_URL": self.admin, "DATABASE_TEMPLATE": TEMPLATE}

    def inside(self, database: str) -> Session:
        """A session of the superuser in a database."""
        return psycopg.connect(self.superuser, dbname=database, autocommit=True)

    def of(self, branch: str) -> list[str]:
        """The databases and roles whose comments name a branch."""
        owned = ((thing, marked(comment)) for thing, comment in self._standing())
        return [thing for thing, owner in owned if owner and owner[0].branch == branch]

    def left(self) -> list[str]:
        """Every database and role that was not there before the first branch came."""
        return [thing for thing, _ in self._standing()]

    def _standing(self) -> list[tuple[str, str | None]]:
        with self.inside("postgres") as session:
            rows = session.execute(_EMULATORG).fetchall()
        return [(f"{kind}/{name}", comment) for kind, name, comment in rows if name not in _OWN]


@contextlib.contextmanager
def databases() -> Iterator[Databases]:
    """Run the server, with a template in it, for as long as the context lasts.

    Raises:
        PostgresMissingError: PostgreSQL is not installed; the message says how to get it.
        RuntimeError: it did not start.
    """
    with postgres() as cluster:
        made = Databases(superuser=cluster.superuser, admin=cluster.admin)
        with made.inside("postgres") as session:
            for statement in _SET_UP:
                session.execute(statement)
        with made.inside(TEMPLATE) as session:
            for statement in _CONTENTS:
                session.execute(statement)
            pid = session.info.backend_pid
        with made.inside("postgres") as session:
            session.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])  # closing is a message on its way
            session.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
        yield made


def databases_if_installed(stack: contextlib.ExitStack, say: Teller) -> Databases | None:
    """Run the server until a stack ends; `None`, which is said, where PostgreSQL is not installed."""
    try:
        return stack.enter_context(databases())
    except PostgresMissingError as error:
        say.remark(f"Here environments get no database. {error}")
        return None


def login(secret: Mapping[str, str]) -> Login:
    """Read the values of a branch's Secret."""
    return Login(
        host=secret["host"],
        port=int(secret["port"]),
        database=secret["database"],
        user=secret["user"],
        password=secret["password"],
    )
