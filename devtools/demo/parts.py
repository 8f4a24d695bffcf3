"""What an environment holds beside its pods, shown and tried: its secrets, its database, its monitors and its
fence.
"""

from pathlib import Path
from typing import Any

import psycopg

from devtools.demo.assertions import ensure, until
from devtools.demo.console import Teller
from devtools.demo.databases import TEMPLATE, TODOS, Login, Session
from devtools.demo.probes import Eyes, runs

_FENCE = {"ResourceQuota", "LimitRange", "NetworkPolicy"}
_MONITORS = {"PodMonitor", "ServiceMonitor"}


def show_parts(eyes: Eyes, say: Teller, namespace: str, *, identity: str) -> None:
    """Show what an environment holds, and try its database.

    Args:
        eyes: what sees it.
        say: how it is told.
        namespace: its namespace.
        identity: the identity that holds its credential.

    Raises:
        NotAsToldError: something of it is not as it should be.
    """
    applied = list(eyes.applied(namespace).values())
    classes = [each for each in applied if each["kind"] == "SecretProviderClass"]
    ensure(bool(classes), "an environment has its secrets")
    for each in classes:
        client = each["spec"]["parameters"]["clientID"]
        say.fact("secrets", f"{_called(each)} reads the vault as {client}, which is {identity}")
        ensure(client == eyes.client_id(identity), "the vault is read as the credential's own identity")
    _show_database(eyes, say, namespace)
    for label, belongs, kinds in (("monitors", _is_monitor, _MONITORS), ("fence", _is_fence, _FENCE)):
        found = [each for each in applied if belongs(each)]
        say.fact(label, ", ".join(sorted(map(_called, found))))
        ensure({each["kind"] for each in found} == kinds, f"an environment has its {label}")


def show_neighbours(eyes: Eyes, say: Teller, one: str, other: str) -> None:
    """Try the logins of two environments at each other's databases.

    Args:
        eyes: what sees them.
        say: how it is told.
        one: a namespace.
        other: another one.

    Raises:
        NotAsToldError: a login got in.
    """
    first, second = eyes.login(one), eyes.login(other)
    if first is None or second is None:
        return
    for login, neighbour in ((first, second), (second, first)):
        refusal = login.refusal(neighbour.database)
        say.fact("neighbours", f"{login.user} signs in at {neighbour.database}: {refusal}")
        ensure("permission denied" in refusal, "a login opens no neighbour's database")


def held(login: Login, sessions: int) -> tuple[Session, ...]:
    """Sign in, again and again.

    Args:
        login: whose.
        sessions: how often.
    """
    return tuple(login.session() for _ in range(sessions))


def show_dropped(login: Login, sessions: tuple[Session, ...], say: Teller, *, log: Path, branch: str) -> None:
    """Show that a database went, whoever was connected.

    Args:
        login: of the database that is gone.
        sessions: what held it.
        say: how it is told.
        log: the program's.
        branch: whose it was.

    Raises:
        NotAsToldError: a session still works, or the login does, or the program has not said what it ended.
    """
    told = until("the program says what it dropped", lambda: drops(log, branch))
    say.fact("dropped", told[0].removeprefix("drop "))
    ensure(f"{len(sessions)} sessions were ended" in told[0], f"{len(sessions)} sessions were ended")
    for session in sessions:
        ensure(is_ended(session), "no session outlives its database")
    refusal = login.refusal("postgres")
    say.fact("its login", refusal)
    ensure("authentication failed" in refusal, "the role is gone")


def drops(log: Path, branch: str) -> list[str]:
    """What the program logged about dropping a branch's database."""
    changes = (change for run in runs(log, branch) for change in run["changes"])
    return [change for change in changes if change.startswith("drop database/")]


def is_ended(session: Session) -> bool:
    """Whether the server has ended a session; then our end is closed, too."""
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        session.close()
        return True
    return False


def _show_database(eyes: Eyes, say: Teller, namespace: str) -> None:
    login = eyes.login(namespace)
    if eyes.databases is None:
        return
    ensure(login is not None, "the login of its database is delivered")
    assert login is not None
    say.fact("database", f"{login.database}, a copy of {TEMPLATE}; its login is in a Secret, and is tried")
    todos = login.todos()
    say.fact("  holds", "; ".join(title for _, title in todos))
    ensure(tuple(todos) == TODOS, "it holds what the template holds")
    with login.session() as session:
        session.execute("ALTER TABLE todos ADD COLUMN done boolean NOT NULL DEFAULT false")
        session.execute("INSERT INTO todos (title, done) VALUES ('Try my branch', true)")
    say.fact("  is its own", f"as {login.user} a table was altered, and a row added")


def _is_monitor(manifest: dict[str, Any]) -> bool:
    return manifest["kind"] in _MONITORS


def _is_fence(manifest: dict[str, Any]) -> bool:
    return manifest["kind"] in _FENCE and manifest["metadata"]["name"].startswith("coppice-")


def _called(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"
