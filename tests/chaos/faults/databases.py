"""The databases of a real PostgreSQL: to look at, to take note of, and to return to.

A server has no snapshots. What was dropped is made again by the program's own adapter, and given back its
comments and its password.
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

    def see(self) -> dict[str, Row]:
        """Each by its name."""
        with self._session() as session:
            return {row["name"]: row for row in session.execute(_SEEN)}

    def restore(self, saved: dict[str, Row]) -> None:
        """Return to what was seen."""
        seen = self.see()
        with self._session() as session:
            for name in [name for name, row in seen.items() if saved.get(name) != row]:
                session.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )
                session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
            for row in [row for name, row in saved.items() if seen.get(name) != row]:
                self._make(session, row)

    def signs_in(self, url: str) -> bool:
        """Whether a login works; the server is asked past the edge."""
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
