"""What to do about a refusal, by the words of PostgreSQL's message.

PostgreSQL has one code for everything that is not permitted (42501), and none for a rejected connection. The
messages are those of versions 15, 16 and 18.
"""

from psycopg import sql

from adapters.postgres.address import Address

_CREATEDB = sql.SQL("Run as an administrator: ALTER ROLE {} CREATEDB;")
_CREATEROLE = sql.SQL("Run as an administrator: ALTER ROLE {} CREATEROLE;")
_MADE_BY_ANOTHER = sql.SQL(
    "Either {0} has lost CREATEROLE (ALTER ROLE {0} CREATEROLE;), or another admin has made the role, who "
    "runs GRANT … TO {0} WITH ADMIN OPTION; with the role's name"
)
_MEMBER = sql.SQL("Run as an administrator: GRANT … TO {}; with the role's name, or the owner's")
_REFUSED: tuple[tuple[str, sql.SQL], ...] = (
    ("denied to create database", _CREATEDB),
    ("terminat", sql.SQL("End that session, or, if it is no superuser's: GRANT pg_signal_backend TO {};")),
    ("SUPERUSER attribute", sql.SQL("The role is a superuser's: no branch's, and nothing for {} to change")),
    ("be superuser to", sql.SQL("The role is a superuser's: no branch's, and nothing for {} to change")),
    ("ADMIN option", _MADE_BY_ANOTHER),
    ("must be owner of", _MEMBER),
    ("must be member of", _MEMBER),
    ("able to SET ROLE", _MEMBER),
    ("CREATEROLE", _CREATEROLE),
    ("admin option on role", _CREATEROLE),
    ("denied to create role", _CREATEROLE),
    ("denied to drop role", _CREATEROLE),
    ("denied to rename role", _CREATEROLE),
    ("not permitted to log in", sql.SQL("Run as an administrator: ALTER ROLE {} LOGIN;")),
    ("CONNECT privilege", sql.SQL("Run as the database's owner: GRANT CONNECT ON DATABASE … TO {};")),
    (
        "pg_hba.conf",
        sql.SQL("The server's pg_hba.conf, or on Azure its firewall, has to let {} in from here"),
    ),
)
_BY_PASSWORD = sql.SQL("Correct the password in POSTGRES_SERVER_URL, or give {} that one")
_BY_TOKEN = sql.SQL(
    "{} has to be the name on the server of the identity that the program acts as: see "
    "docs/how-to/give-branches-a-database.md"
)
_OTHERWISE = sql.SQL("docs/how-to/give-branches-a-database.md has what {} needs")


def advice(message: str, at: Address) -> str:
    """Find what the reader of a refusal can do.

    Args:
        message: the server's message.
        at: the server, and the role that was refused.

    Returns:
        A sentence, or a statement to run.
    """
    if "authentication failed" in message or "access token" in message:
        found = _BY_PASSWORD if at.password or at.loopback else _BY_TOKEN
    elif message.endswith(": permission denied"):  # PostgreSQL 15 and before, of a role
        found = _CREATEROLE
    else:
        found = next((each for words, each in _REFUSED if words in message), _OTHERWISE)
    return found.format(sql.Identifier(at.user)).as_string()
