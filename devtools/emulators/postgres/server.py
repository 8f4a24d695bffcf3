"""Run a PostgreSQL server in a temporary folder for as long as a context lasts.

PostgreSQL refuses to run as root, and containers often are: then it runs as `postgres` or `nobody`. Nothing
is ever written for good: what a crash of the machine would cost does not matter here, and it is faster.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from devtools.cluster.processes import free_ports

ADMIN = "coppice_admin"
_SUPERUSER = "postgres"
_INSTALLED = Path("/usr/lib/postgresql")
_MEMORY, _LARGE = Path("/dev/shm"), 4 << 30  # bytes; a container often has only 64 MiB
_START_TIMEOUT = 20.0  # seconds
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "max_prepared_transactions": "5",  # 0 by default; tests cover servers where it is set
    "shared_buffers": "32MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # no work in the background that a test did not request
    "password_encryption": "scram-sha-256",
}


class PostgresMissingError(Exception):
    """PostgreSQL is not installed; the message says how to install it."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running server.

    Args:
        superuser: the URL of its superuser.
        admin: the URL of a role with LOGIN, CREATEDB and CREATEROLE, which are the most that Azure grants to
            customers.
    """

    superuser: str
    admin: str


def binaries() -> Path:
    """Return the folder of the newest installed PostgreSQL.

    Raises:
        PostgresMissingError: PostgreSQL is not installed.
    """
    found = [each.parent for each in _INSTALLED.glob("*/bin/initdb") if each.parts[-3].isdigit()]
    if not found:
        raise PostgresMissingError("PostgreSQL is not installed: run `apt-get install postgresql`.")
    return max(found, key=lambda folder: int(folder.parent.name))


@contextlib.contextmanager
def postgres() -> Iterator[Cluster]:
    """Run a server on a free loopback port.

    Yields:
        The running server.

    Raises:
        PostgresMissingError: PostgreSQL is not installed.
        RuntimeError: the server did not start; the message contains its log.
    """
    programs, user = binaries(), _user()
    password = secrets.token_urlsafe(16)
    folder = Path(tempfile.mkdtemp(prefix="coppice-postgres-", dir=_memory()))
    try:
        _initialise(programs, folder, user, password)
        (port,) = free_ports(1)
        with _running(programs, folder, user, port) as process:
            superuser = f"postgresql://{_SUPERUSER}:{password}@127.0.0.1:{port}/postgres"
            _wait(superuser, process, folder)
            yield Cluster(superuser=superuser, admin=_admin(superuser, port))
    finally:
        shutil.rmtree(folder)


def _memory() -> Path | None:
    """Return a folder in memory if it has enough space, else None; databases are created faster there."""
    large = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _LARGE
    return _MEMORY if large else None


def _user() -> str | None:
    """Return the user to run the server as; None if this process does not run as root."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _as(user: str | None) -> dict[str, Any]:
    """Return the arguments for a process of that user, without the groups of this process."""
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _initialise(programs: Path, folder: Path, user: str | None, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if user is not None:
        shutil.chown(folder, user)
        shutil.chown(secret, user)
    command = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", _SUPERUSER]
    command += ["--auth=scram-sha-256", "--pwfile", str(secret)]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        command,
        **_as(user),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stdout}")


@contextlib.contextmanager
def _running(programs: Path, folder: Path, user: str | None, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    command += [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            **_as(user),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that Ctrl-C reaches this process only
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown: sessions are ended, not waited for
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                log = (folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start: {error}\n{log[-2000:]}") from error
            time.sleep(0.02)
        else:
            return


def _admin(superuser: str, port: int) -> str:
    password = secrets.token_urlsafe(16)
    create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(ADMIN), sql.Literal(password)))
    return f"postgresql://{ADMIN}:{password}@127.0.0.1:{port}/postgres"
