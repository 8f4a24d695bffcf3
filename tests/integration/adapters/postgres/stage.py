"""A real server with nothing on it, our adapters pointed at it, and a hand to do there what others do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.creator import DatabaseWriterAdapter
from adapters.postgres.deleter import DatabaseDropperAdapter
from adapters.postgres.reader import DatabaseReaderAdapter
from coppice.components.database import CreateDatabase, Database, Dropped
from coppice.components.removal import Owned
from coppice.environment.key import Key
from devtools.emulators.postgres.server import Cluster

KEY = Key(repository="acme/todo", branch="feature/login")
NAME = "feature_login"
OWNER = "staging_owner"
TEMPLATE = "staging"

_CONTENTS = """
    SET ROLE staging_owner;
    CREATE SCHEMA app;
    CREATE TABLE app.users (id serial PRIMARY KEY, name text, number int GENERATED ALWAYS AS IDENTITY);
    INSERT INTO app.users (name) VALUES ('Ada');
    GRANT SELECT ON app.users TO reader;
"""
_WAITING = "FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@dataclass(frozen=True)
class Stage:
    """The server, our adapters, and its superuser."""

    cluster: Cluster
    superuser: psycopg.Connection[Any]
    reader: DatabaseReaderAdapter
    writer: DatabaseWriterAdapter
    dropper: DatabaseDropperAdapter

    def change(self, key: Key = KEY, name: str = NAME, template: str = "", most: int = 5) -> CreateDatabase:
        return CreateDatabase(key=key, name=name, template=template, connections=most)

    def make(self, key: Key = KEY, name: str = NAME, template: str = "", most: int = 5) -> Database:
        """Make a database as provisioning does: create, password (`pw-<name>`), confirm."""
        self.writer.create(self.change(key, name, template, most))
        self.writer.set_password(name, f"pw-{name}", f"stamp-{name}", owner=key)
        self.writer.confirm(name, f"stamp-{name}", owner=key)
        return self.found(name)

    def found(self, name: str = NAME) -> Database:
        database = self.reader.get(name)
        assert database is not None
        return database

    def drop(self, name: str = NAME) -> Dropped:
        return self.dropper.drop(Owned(self.found(name)))

    @contextmanager
    def signed_in(self, role: str = NAME, database: str = "", password: str = "") -> Iterator[Any]:
        """As a branch's role, by its password."""
        with psycopg.connect(
            self.cluster.superuser,
            user=role,
            password=password or f"pw-{role}",
            dbname=database or role,
            autocommit=True,
        ) as connection:
            yield connection

    @contextmanager
    def inside(self, database: str) -> Iterator[Any]:
        """As the superuser, in a database."""
        with psycopg.connect(self.cluster.superuser, dbname=database, autocommit=True) as connection:
            yield connection

    def template(self, *, granted: bool = True) -> None:
        """Make the template, which another role owns; `granted` lets our admin copy it."""
        for statement in (
            "CREATE ROLE staging_owner",
            "CREATE ROLE reader",
            "CREATE DATABASE staging OWNER staging_owner",
            *(("GRANT staging_owner TO coppice_admin",) if granted else ()),
        ):
            self.superuser.execute(statement)
        with self.inside(TEMPLATE) as connection:
            connection.execute(_CONTENTS)
            self.leave(connection)

    def leave(self, connection: psycopg.Connection[Any]) -> None:
        """End a session and be sure that the server knows: closing it is only a message on its way."""
        self.superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])

    @contextmanager
    def noting(self, role: str = NAME) -> Iterator[Callable[[], object]]:
        """As another who writes a comment on a role and has not committed: who writes one, too, waits.

        Yields:
            Ends the sessions that wait.
        """
        with self.inside("postgres") as other, other.transaction(force_rollback=True):
            other.execute(sql.SQL("COMMENT ON ROLE {} IS 'a moment'").format(sql.Identifier(role)))
            yield lambda: self.superuser.execute(f"SELECT pg_terminate_backend(pid) {_WAITING}")

    def wait_for_waiting(self, number: int) -> None:
        """Wait until so many sessions wait for a lock."""
        while self.value(f"SELECT count(pg_sleep(0.01)) {_WAITING}") < number:
            pass

    def value(self, statement: str, *values: object) -> Any:
        """One value, as the superuser."""
        row = self.superuser.execute(statement.encode(), values or None).fetchone()
        assert row is not None
        return row[0]

    def clear(self) -> None:
        """Leave nothing behind but what a new server has, and our admin."""
        databases = self.superuser.execute(
            "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"
        ).fetchall()
        for (name,) in databases:
            self.superuser.execute(
                sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name))
            )
            self.superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        roles = self.superuser.execute(
            "SELECT rolname FROM pg_roles WHERE oid >= 16384 AND rolname <> 'coppice_admin'"
        ).fetchall()
        for (name,) in roles:
            self.superuser.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            self.superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        self.superuser.execute("ALTER ROLE coppice_admin CREATEDB CREATEROLE CONNECTION LIMIT -1")


class Crash(Exception):
    """The process ends here."""


def statements(monkeypatch: pytest.MonkeyPatch, watch: Callable[[int, str], None]) -> None:
    """Have each statement of ours watched, with its number, before it is made."""
    execute = psycopg.Connection.execute
    count = 0

    def watched(self: psycopg.Connection[Any], query: Any, *values: Any, **options: Any) -> Any:
        nonlocal count
        text = query if isinstance(query, str) else query.as_string(self)
        watch(count, text)
        count += 1
        return execute(self, query, *values, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", watched)


@contextmanager
def crashing_at(statement: int) -> Iterator[list[str]]:
    """End before the statement of that number; yields those that were made."""
    made: list[str] = []

    def watch(number: int, text: str) -> None:
        if number == statement:
            raise Crash
        made.append(text)

    with pytest.MonkeyPatch.context() as monkeypatch:
        statements(monkeypatch, watch)
        yield made
