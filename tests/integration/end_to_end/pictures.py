"""All that stands of an environment, byte by byte, and where its name stands."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coppice.components.namespace import BRANCH
from devtools.demo.databases import Databases, Login
from devtools.demo.probes import Probes

_ROLE = "(SELECT oid FROM pg_roles WHERE rolname = {name})"
_DATABASE = "(SELECT oid FROM pg_database WHERE datname = {name})"
# With the version of each row, as PostgreSQL has it: https://www.postgresql.org/docs/current/ddl-system-columns.html
_SHARED = (
    "SELECT xmin::text, d::text FROM pg_database d WHERE datname = {name}",
    "SELECT xmin::text, a::text FROM pg_authid a WHERE rolname = {name}",
    f"SELECT xmin::text, m::text FROM pg_auth_members m WHERE {_ROLE} IN (roleid, member)",
    f"SELECT xmin::text, s::text FROM pg_shdescription s WHERE objoid IN ({_ROLE}, {_DATABASE})",
    f"SELECT s::text FROM pg_db_role_setting s WHERE setdatabase = {_DATABASE} OR setrole = {_ROLE}",
    f"SELECT xmin::text, s::text FROM pg_shdepend s WHERE dbid = {_DATABASE} OR refobjid = {_ROLE}",
)
_INSIDE = (
    "SELECT xmin::text, c::text FROM pg_class c WHERE oid >= 16384",
    "SELECT xmin::text, a::text FROM pg_attribute a WHERE attrelid >= 16384",
    "SELECT xmin::text, n::text FROM pg_namespace n WHERE nspname = 'public'",
    "SELECT xmin::text, t::text FROM todos t",
)
_EVERYWHERE = ("pg_database", "pg_authid", "pg_shdescription", "pg_shdepend", "pg_db_role_setting")

Picture = Mapping[str, str]
"""All that stands of an environment, byte by byte, by where it stands."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """What an environment has, and no other."""

    namespace: str
    host: str
    credential: str
    login: Login


def pictures(
    eyes: Probes, server: Databases, own: Mapping[str, Own], part: Callable[[Any], Any]
) -> dict[str, Picture]:
    """What stands of each environment.

    Args:
        eyes: see the cluster and Azure.
        server: the databases.
        own: the environments, by branch.
        part: the part of an object to look at; `None` if there is none.
    """
    return {branch: dict(_picture(eyes, server, branch, each, part)) for branch, each in own.items()}


def _picture(
    eyes: Probes, server: Databases, branch: str, own: Own, part: Callable[[Any], Any]
) -> Iterator[tuple[str, str]]:
    """Resource versions and all: a write that changes nothing is seen, too."""
    yield "namespace", text(part(eyes.environment(branch)))
    for path, each in eyes.objects_of(own.namespace).items():
        if (seen := part(each)) is not None:
            yield path, text(seen)
    for note in eyes.records_and_leases():
        if note["metadata"].get("annotations", {}).get(BRANCH) == branch:
            yield f"note {note['metadata']['name']}", text(note)
    yield "credentials", text([each for each in _credentials(eyes) if own.credential == each["subject"]])
    name = own.login.database
    with server.connect(name) as session:
        for query in (*_SHARED, *_INSIDE):
            rows = session.execute(query.replace("{name}", "%(name)s").encode(), {"name": name}).fetchall()
            yield query, text(sorted(rows))


def naming(eyes: Probes, server: Databases, own: Iterable[Own]) -> tuple[str, ...]:
    """Look through everything there is for the names of environments, and tell where they stand."""
    names = "|".join(re.escape(name) for each in own for name in (each.namespace, each.login.database))
    named = re.compile(rf"(?<![\w-])({names})(?![\w-])")
    return tuple(where for where, found in everything(eyes, server) if named.search(found))


def everything(eyes: Probes, server: Databases) -> Iterator[tuple[str, str]]:
    """All there is in the cluster, in Azure and in the server's catalogs, with where it stands."""
    for each in eyes.all_objects():
        if each["kind"] == "Lease" and not each["spec"].get("holderIdentity"):
            continue  # nobody holds it: the next sweep deletes it
        yield f"{each['kind']}/{each['metadata']['name']}", text(each)
    for each in _credentials(eyes):
        yield f"credential/{each['name']}", text(each)
    with server.connect("postgres") as session:
        for catalog in _EVERYWHERE:
            for (row,) in session.execute(f"SELECT c::text FROM {catalog} c".encode()):
                yield catalog, row


def _credentials(eyes: Probes) -> list[dict[str, Any]]:
    state = eyes.arm.get("/_emulator/state").raise_for_status().json()
    return [each for held in state["credentials"].values() for each in held]


def text(value: object) -> str:
    """The same for what is the same."""
    return json.dumps(value, sort_keys=True)
