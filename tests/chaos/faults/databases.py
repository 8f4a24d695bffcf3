"""The databases of a real PostgreSQL: read, saved and restored.

PostgreSQL has no snapshots. A database that was dropped is created again by the program's own adapter, and
gets its former comments and password.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from adapters.postgres.client import Server
from adapters.postgres.creator import DatabaseWriterAdapter
from coppice.components.database import CreateDatabase, marked
from devtools.emulators.postgres.server import Cluster

_SEEN = r"""
    SELECT coalesce(datname, rolname) AS name, rolcanlogin, rolconnlimit, rolpassword, datallowconn,
           datacl::text, shobj_description(r.oid, 'pg_authid') AS role_comment,
           shobj_description(d.oid, 'pg_database') AS database_comment
    FROM pg_database d FULL JOIN pg_authid r ON r.rolname = d.datname
    WHERE starts_with(coalesce(datname, rolname), 'feature_') ORDER BY 1
"""
Row = dict[str, Any]


@dataclass(frozen=True)
class Databases:
    """Every branch's database and role.

    Args:
        cluster: the server.
    """

    cluster: Cluster

    def read_rows(self) -> dict[str, Row]:
        """Read every branch's database and role, by name."""
        with self._session() as session:
            return {row["name"]: row for row in session.execute(_SEEN)}

    def restore(self, saved: dict[str, Row]) -> None:
        """Restore the databases and roles of an earlier `read_rows`."""
        rows = self.read_rows()
        with self._session() as session:
            for name in [name for name, row in rows.items() if saved.get(name) != row]:
                session.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )
                session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
            for row in [row for name, row in saved.items() if rows.get(name) != row]:
                self._make(session, row)

    def login_works(self, url: str) -> bool:
        """Whether a login works; it goes directly to the server, past the fault proxy."""
        try:
            psycopg.connect(url, port=urlsplit(self.cluster.admin).port, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _session(self) -> psycopg.Connection[Row]:
        return psycopg.connect(self.cluster.superuser, autocommit=True, row_factory=psycopg.rows.dict_row)

    def _make(self, session: psycopg.Connection[Row], row: Row) -> None:
        owner = marked(row["role_comment"])
        assert owner is not None
        change = CreateDatabase(key=owner[0], name=row["name"], template="", connections=row["rolconnlimit"])
        DatabaseWriterAdapter(Server(self.cluster.admin)).create(change)
        name = sql.Identifier(row["name"])
        password, comment = sql.Literal(row["rolpassword"]), sql.Literal(row["role_comment"])
        session.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, password))
        session.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, comment))
