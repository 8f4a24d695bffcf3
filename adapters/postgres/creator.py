"""Creates a branch's database and its role. A run may end after any round trip; the next run continues from
what exists.

The role is created first, with the owner's mark in the same transaction. The database accepts no connection
until PUBLIC may not connect to it. It gets its mark once the role owns its contents.
"""

from psycopg import errors, sql

from adapters.postgres import login, reader, template
from adapters.postgres.client import PLAIN, WRITE_SECONDS, Server
from adapters.postgres.contents import hand_over
from adapters.postgres.session import Session, Statement
from coppice.components.database import CreateDatabase, Database, mark, why_taken
from coppice.environment.key import Key
from coppice.reconciler.errors import Forbidden, Rejected


class DatabaseWriterAdapter:
    """Creates databases, and drops none but a copy that it has just made and may not hand over.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, change: CreateDatabase) -> None:
        """Create a database and its role, or finish what an earlier run began.

        Args:
            change: the database.

        Raises:
            Conflict: the template is in use; the message names by whom.
            Forbidden: a grant is missing; the message names it.
            NotSetUp: there is no such template.
            Rejected: the database or role of this name is not the branch's.
            Failure: the server refused otherwise, or did not answer.
        """
        name, copied = sql.Identifier(change.name), change.template or PLAIN
        with self._server.session(f"create {change.target}", seconds=WRITE_SECONDS) as session:
            rows, *answers = session.execute(reader.query(change.name), *template.queries(session, copied))
            found = reader.found(rows)
            taken = why_taken(found, change.key)
            if taken:
                raise Rejected(taken)
            missing = found is None or found.oid is None
            # After the login was delivered, the contents are complete.
            contents = found is None or missing or not found.login
            comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(mark(change.key)))
            statements = [
                *(_create_role(name, change.key) if found is None else ()),
                # Since PostgreSQL 16, the creator of a role may administer it and is not a member of it:
                # https://www.postgresql.org/docs/16/role-attributes.html
                sql.SQL("GRANT {} TO CURRENT_USER").format(name),
                # The limit is on the role: the owner of a database can raise the database's own limit.
                sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(name, sql.Literal(change.connections)),
            ]
            if missing:
                template.check(session, copied, answers)
                session.execute(*statements)
                _create_database(session, name, copied)
                statements = []
            session.execute(
                *statements,
                sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT -1").format(name),
                *(() if contents else (comment,)),
            )
            version = session.version
        if contents:
            self._hand_over(change, comment, before=found, version=version)

    def _hand_over(
        self, change: CreateDatabase, comment: Statement, *, before: Database | None, version: int
    ) -> None:
        what = f"hand over {change.target}"
        try:
            with self._server.session(
                what, database=change.name, seconds=WRITE_SECONDS, version=version
            ) as inside:
                hand_over(inside, change.name, comment)
        except (Rejected, Forbidden) as refused:
            drop = sql.SQL("DROP DATABASE {}").format(sql.Identifier(change.name))
            if before is not None and before.oid is not None:
                raise type(refused)(
                    f"{refused.message}. {change.target} is a copy from before: if nobody has used it, "
                    f"{drop.as_string()}; and it is made anew"
                ) from refused
            # It was made in this call and nobody has used it. What is refused leaves nothing behind.
            with self._server.session(f"create {change.target}", seconds=WRITE_SECONDS) as session:
                session.execute_alone(drop)
                if before is None:
                    session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(change.name)))
            raise

    def set_password(self, name: str, password: str, stamp: str, *, owner: Key) -> None:
        """Set the password of a role and let it log in. No login counts as delivered until `confirm`.

        Args:
            name: the role.
            password: the password.
            stamp: names this password, in the role's mark.
            owner: the branch that the role's mark names.

        Raises:
            Conflict: the role is not, or no longer, the branch's, or another run altered it at the same time.
            Failure: the server refused, or did not answer.
        """
        with self._server.session(f"give role/{name} a password") as session:
            login.set_password(session, name, password, stamp, owner)

    def confirm(self, name: str, stamp: str, *, owner: Key) -> None:
        """Mark the password as delivered.

        A run that was stopped until its lease expired may set and deliver a password beside that of the run
        that took over. Which of the two the Secret holds is not known here, so neither counts.

        Args:
            name: the role.
            stamp: names the password.
            owner: the branch that the role's mark names.

        Raises:
            Conflict: the role is not, or no longer, the branch's, or another password was set since.
            Failure: the server refused, or did not answer.
        """
        with self._server.session(f"note the login of role/{name}") as session:
            login.confirm(session, name, stamp, owner)


def _create_role(name: sql.Identifier, key: Key) -> tuple[Statement, ...]:
    comment = sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(mark(key)))
    return sql.SQL("CREATE ROLE {} NOLOGIN").format(name), comment


def _create_database(session: Session, name: sql.Identifier, copied: str) -> None:
    create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ALLOW_CONNECTIONS false")
    try:
        session.execute_alone(create.format(name, name, sql.Identifier(copied)))
    except errors.QueryCanceled as error:
        raise Rejected(
            f"copying database {copied} takes longer than {WRITE_SECONDS} s. Make it smaller, or leave "
            "DATABASE_TEMPLATE empty"
        ) from error
