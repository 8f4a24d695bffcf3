"""Make a branch's database and its role. Every statement may be the last that was made: the next run goes on
from what stands.

The role comes first and bears the owner's mark from its first moment. The database takes no connection before
it is closed to PUBLIC, and bears its mark when all that is in it belongs to the role.
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
    """Makes databases, and drops none but a copy that is refused as it is made.

    Args:
        server: where they are made.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, change: CreateDatabase) -> None:
        """Create a database and its role, or finish what was begun.

        Raises:
            Conflict: the template is in use; by whom.
            Forbidden: a grant is missing; which.
            NotSetUp: there is no such template.
            Rejected: what stands under the name is not the branch's.
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
            # From PostgreSQL 16 on, whoever creates a role may administer it, and is no member of it:
            # https://www.postgresql.org/docs/16/role-attributes.html
            session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
            # On the role, for the owner of a database can lift the database's own limit.
            limit = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
            session.execute(limit.format(name, sql.Literal(change.connections)))
            if missing:
                _create_database(session, name, template)
            session.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            session.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT -1").format(name)
            )
            if found is None or missing or not found.login:  # one whose login was delivered was whole
                self._hand_over(session, change, before=found)
            said = sql.Literal(mark(change.key))
            session.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, said))

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
            # Made in this very call, so that nobody has used it: what is refused leaves nothing behind.
            session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(change.name)))
            if before is None:
                session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(change.name)))
            raise

    def set_password(self, name: str, password: str, stamp: str) -> None:
        """Give the role a password of this name, and let it sign in. From now on no login counts as
        delivered.

        Raises:
            Conflict: the role is not a branch's (any more), or another's password is being noted.
        """
        role = sql.Identifier(name)
        with self._server.session(f"give role/{name} a password") as session:
            owner = _owner(session, name)
            # The server sees what a password is checked by, and never the password.
            verifier = session.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
            login = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
            with session.transaction():
                session.execute(login.format(role, sql.Literal(verifier.decode())))
                session.execute(_COMMENT_ON_ROLE.format(role, sql.Literal(mark(owner, pending=stamp))))

    def confirm(self, name: str, stamp: str) -> None:
        """Note that the password of this name was delivered.

        A run whose lease ran out while it stood still may set and deliver a password beside its successor's.
        Which of them the Secret was given last is not known here: so then neither counts.

        Raises:
            Conflict: the role is not a branch's (any more), or another password was set since.
        """
        role = sql.Identifier(name)
        with self._server.session(f"note the login of role/{name}") as session:
            owner = _owner(session, name)
            with session.transaction():
                # It changes nothing, and until the end of this transaction nobody else alters the role.
                session.execute(sql.SQL("ALTER ROLE {} INHERIT").format(role))
                row = session.execute(_COMMENT_OF_ROLE, [name]).fetchone()
                latest = row is not None and row["comment"] == mark(owner, pending=stamp)
                said = sql.Literal(mark(owner, stamp if latest else ""))
                session.execute(_COMMENT_ON_ROLE.format(role, said))
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
