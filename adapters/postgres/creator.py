"""Creates a branch's database and its role. A run may end after any statement; the next run continues from
what exists.

The role is created first, with the owner's mark in the same transaction. The database accepts no connection
until PUBLIC may not connect to it. It gets its mark once the role owns its contents.
"""

from psycopg import errors, sql

from adapters.postgres.client import WRITE_SECONDS, Server, Session
from adapters.postgres.contents import hand_over
from adapters.postgres.reader import look
from adapters.postgres.template import PLAIN, check
from coppice.components.database import CreateDatabase, Database, mark, why_taken
from coppice.environment.key import Key
from coppice.reconciler.errors import Conflict, Forbidden, Rejected

_COMMENT_OF_ROLE = "SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = %s"
_COMMENT_ON_ROLE = sql.SQL("COMMENT ON ROLE {} IS {}")


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
        name, template = sql.Identifier(change.name), change.template or PLAIN
        with self._server.session(f"create {change.target}", seconds=WRITE_SECONDS) as session:
            found = look(session, change.name)
            taken = why_taken(found, change.key)
            if taken:
                raise Rejected(taken)
            missing = found is None or found.oid is None
            if missing:
                check(session, template)
            if found is None:
                _create_role(session, name, change.key)
            # Since PostgreSQL 16, the creator of a role may administer it and is not a member of it:
            # https://www.postgresql.org/docs/16/role-attributes.html
            session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
            # The limit is on the role: the owner of a database can raise the database's own limit.
            limit = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
            session.execute(limit.format(name, sql.Literal(change.connections)))
            if missing:
                _create_database(session, name, template)
            session.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            session.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT -1").format(name)
            )
            if found is None or missing or not found.login:  # after the login was delivered, it is complete
                self._hand_over(session, change, before=found)
            comment = sql.Literal(mark(change.key))
            session.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, comment))

    def _hand_over(self, session: Session, change: CreateDatabase, *, before: Database | None) -> None:
        version = session.info.server_version
        what = f"hand over {change.target}"
        try:
            with self._server.session(
                what, database=change.name, seconds=WRITE_SECONDS, version=version
            ) as inside:
                hand_over(inside, change.name)
        except (Rejected, Forbidden) as refused:
            if before is not None and before.oid is not None:
                drop = sql.SQL("DROP DATABASE {};").format(sql.Identifier(change.name)).as_string(session)
                raise type(refused)(
                    f"{refused.message}. {change.target} is a copy from before: if nobody has used it, "
                    f"{drop} and it is made anew"
                ) from refused
            # It was made in this call and nobody has used it. What is refused leaves nothing behind.
            session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(change.name)))
            if before is None:
                session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(change.name)))
            raise

    def set_password(self, name: str, password: str, stamp: str) -> None:
        """Set the password of a role and let it log in. No login counts as delivered until `confirm`.

        Args:
            name: the role.
            password: the password.
            stamp: names this password, in the role's mark.

        Raises:
            Conflict: the role is not, or no longer, a branch's, or another run altered it at the same time.
            Failure: the server refused, or did not answer.
        """
        role = sql.Identifier(name)
        with self._server.session(f"give role/{name} a password") as session:
            owner = _owner(session, name)
            # The server is sent a SCRAM verifier, and never the password.
            verifier = session.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
            login = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
            with session.transaction():
                session.execute(login.format(role, sql.Literal(verifier.decode())))
                session.execute(_COMMENT_ON_ROLE.format(role, sql.Literal(mark(owner, pending=stamp))))

    def confirm(self, name: str, stamp: str) -> None:
        """Mark the password as delivered.

        A run that was stopped until its lease expired may set and deliver a password beside that of the run
        that took over. Which of the two the Secret holds is not known here, so neither counts.

        Args:
            name: the role.
            stamp: names the password.

        Raises:
            Conflict: the role is not, or no longer, a branch's, or another password was set since.
            Failure: the server refused, or did not answer.
        """
        role = sql.Identifier(name)
        with self._server.session(f"note the login of role/{name}") as session:
            owner = _owner(session, name)
            with session.transaction():
                # This changes nothing. It locks the role until the end of the transaction.
                session.execute(sql.SQL("ALTER ROLE {} INHERIT").format(role))
                row = session.execute(_COMMENT_OF_ROLE, [name]).fetchone()
                latest = row is not None and row["comment"] == mark(owner, pending=stamp)
                comment = sql.Literal(mark(owner, stamp if latest else ""))
                session.execute(_COMMENT_ON_ROLE.format(role, comment))
        if not latest:
            raise Conflict(f"role/{name} was given another password while this one was delivered")


def _create_role(session: Session, name: sql.Identifier, key: Key) -> None:
    with session.transaction():
        session.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        session.execute(_COMMENT_ON_ROLE.format(name, sql.Literal(mark(key))))


def _create_database(session: Session, name: sql.Identifier, template: str) -> None:
    create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ALLOW_CONNECTIONS false")
    try:
        session.execute(create.format(name, name, sql.Identifier(template)))
    except errors.QueryCanceled as error:
        raise Rejected(
            f"copying database {template} takes longer than {WRITE_SECONDS} s. Make it smaller, or leave "
            "DATABASE_TEMPLATE empty"
        ) from error


def _owner(session: Session, name: str) -> Key:
    found = look(session, name)
    if found is None or found.role is None or found.owner is None:
        raise Conflict(f"role/{name} is no longer a branch's: it is gone, or its mark is")
    return found.owner
