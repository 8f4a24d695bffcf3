"""Checks of an environment's parts beside its pods: its secrets, database, monitors and fence."""

from pathlib import Path
from typing import Any

import psycopg

from devtools.demo.assertions import ensure, until
from devtools.demo.console import Console
from devtools.demo.databases import TEMPLATE, TODOS, Login, Session
from devtools.demo.probes import Probes, runs

_FENCE = {"ResourceQuota", "LimitRange", "NetworkPolicy"}
_MONITORS = {"PodMonitor", "ServiceMonitor"}


def show_parts(probes: Probes, console: Console, namespace: str, *, identity: str) -> None:
    """Print and check the parts of an environment, and use its database.

    Args:
        probes: reads the outside systems.
        console: prints the parts.
        namespace: the environment's namespace.
        identity: the identity that holds its credential.

    Raises:
        UnexpectedStateError: a part is missing or wrong.
    """
    applied = list(probes.applied(namespace).values())
    classes = [each for each in applied if each["kind"] == "SecretProviderClass"]
    ensure(bool(classes), "an environment has its secrets")
    for each in classes:
        client = each["spec"]["parameters"]["clientID"]
        console.fact("secrets", f"{_kind_and_name(each)} reads the vault as client {client} ({identity})")
        ensure(client == probes.client_id(identity), "the vault is read as the credential's own identity")
    _show_database(probes, console, namespace)
    for label, belongs, kinds in (("monitors", _is_monitor, _MONITORS), ("fence", _is_fence, _FENCE)):
        found = [each for each in applied if belongs(each)]
        console.fact(label, ", ".join(sorted(map(_kind_and_name, found))))
        ensure({each["kind"] for each in found} == kinds, f"an environment has its {label}")


def show_neighbours(probes: Probes, console: Console, one: str, other: str) -> None:
    """Try the login of each of two environments on the database of the other.

    Args:
        probes: reads the logins.
        console: prints the attempts.
        one: the namespace of one environment.
        other: the namespace of the other.

    Raises:
        UnexpectedStateError: a login was accepted.
    """
    first, second = probes.login(one), probes.login(other)
    if first is None or second is None:
        return
    for login, neighbour in ((first, second), (second, first)):
        refusal = login.refusal(neighbour.database)
        console.fact("neighbours", f"{login.user} tries to open {neighbour.database}: {refusal}")
        ensure("permission denied" in refusal, "a login opens no neighbour's database")


def open_sessions(login: Login, sessions: int) -> tuple[Session, ...]:
    """Open several sessions with one login.

    Args:
        login: the login.
        sessions: how many.
    """
    return tuple(login.session() for _ in range(sessions))


def show_dropped(
    login: Login, sessions: tuple[Session, ...], console: Console, *, log: Path, branch: str
) -> None:
    """Check that a database was dropped although sessions were open, and its role with it.

    Args:
        login: a login to the database.
        sessions: the sessions that were open.
        console: prints the result.
        log: the program's log.
        branch: the branch that the database belonged to.

    Raises:
        UnexpectedStateError: a session or the login still works, or the program did not log what it ended.
    """
    logged = until("the program logs the drop of the database", lambda: database_drops(log, branch))
    console.fact("dropped", logged[0].removeprefix("drop "))
    ensure(f"{len(sessions)} sessions were ended" in logged[0], f"{len(sessions)} sessions were ended")
    for session in sessions:
        ensure(is_ended(session), "no session outlives its database")
    refusal = login.refusal("postgres")
    console.fact("its login", refusal)
    ensure("authentication failed" in refusal, "the role is gone")


def database_drops(log: Path, branch: str) -> list[str]:
    """The changes in the program's log that dropped a branch's database."""
    changes = (change for run in runs(log, branch) for change in run["changes"])
    return [change for change in changes if change.startswith("drop database/")]


def is_ended(session: Session) -> bool:
    """Whether the server has ended a session; if so, the client's end is closed too."""
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        session.close()
        return True
    return False


def _show_database(probes: Probes, console: Console, namespace: str) -> None:
    login = probes.login(namespace)
    if probes.databases is None:
        return
    ensure(login is not None, "the login of its database is delivered")
    assert login is not None
    console.fact("database", f"{login.database}, a copy of {TEMPLATE}; the login in its Secret works")
    todos = login.todos()
    console.fact("  rows", "; ".join(title for _, title in todos))
    ensure(tuple(todos) == TODOS, "it holds what the template holds")
    with login.session() as session:
        session.execute("ALTER TABLE todos ADD COLUMN done boolean NOT NULL DEFAULT false")
        session.execute("INSERT INTO todos (title, done) VALUES ('Try my branch', true)")
    console.fact("  owner", f"{login.user} may alter a table and add a row")


def _is_monitor(manifest: dict[str, Any]) -> bool:
    return manifest["kind"] in _MONITORS


def _is_fence(manifest: dict[str, Any]) -> bool:
    return manifest["kind"] in _FENCE and manifest["metadata"]["name"].startswith("coppice-")


def _kind_and_name(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"
