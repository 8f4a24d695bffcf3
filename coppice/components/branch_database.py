"""The branch database component: a branch's database on the shared server, and its login.

It implements every part of a component, so it is the example to follow when adding one.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from typing import ClassVar

from coppice.components.component import Component
from coppice.components.database import (
    CreateDatabase,
    Database,
    DatabaseReader,
    why_taken,
)
from coppice.components.login import DeliverLogin, login_reference
from coppice.components.observed import Observed
from coppice.components.removal import Delete, Owned
from coppice.components.slots import Slot, Slots
from coppice.components.stages import Mark, Observations, PlanInput, Removal, Status, Steps
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.records import Record
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read
from coppice.reconciler.plan import Blocked, Change

DATABASE: Slot[Database] = Slot("database")
DATABASES: Slot[DatabaseReader] = Slot("databases")


@dataclass(frozen=True, kw_only=True)
class DropDatabase(Delete):
    """Drop a branch's database and its role, even if sessions are connected."""

    verb: ClassVar[str] = "drop"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.DATABASE})
    owned: Owned[Database]


class BranchDatabase(Component[Database]):
    """A branch's database. Branches have one if the settings name a server."""

    state = DATABASE
    kinds = frozenset({"database"})
    subjects = (Database,)

    def under_former_names(self, readers: Slots, config: EnvironmentConfig) -> Slots:
        """Translate former names of the repository in the marks of roles."""
        inner = readers.get(DATABASES)
        return readers.put(DATABASES, _Renamed(inner, config)) if inner else readers

    def as_recorded(self, name: Name, record: Record) -> Name:
        """Use the database's recorded name, because the prefix may have changed since it was created."""
        return replace(name, database=record.database) if record.database else name

    def observe(self, observed: Observed, readers: Slots) -> Reading[Database]:
        """Read the database in one call. If branches get no databases, no call is made."""
        server = readers.get(DATABASES)
        return Absent() if server is None else read(lambda: server.get(observed.name.database))

    def observe_all(self, readers: Slots) -> Observations[Database]:
        """Read all databases of the server, because some may have been created with an earlier prefix."""
        server = readers.get(DATABASES)
        found = read(lambda: {each.name: each for each in (server.all("") if server else ())})

        def of(observed: Observed) -> Reading[Database]:
            if not isinstance(found, Present):
                return found
            stands = found.value.get(observed.name.database)
            return Absent() if stands is None else Present(stands)

        marks = tuple(
            Mark(each.owner, str(each), place=each.name)
            for each in (present(found) or {}).values()
            if each.owner
        )
        return Observations(of=of, marks=marks, place=lambda name: name.database)

    def owners(self, observed: Observed) -> tuple[Key, ...]:
        """Return the branch that the role's mark names."""
        database = present(observed.of(DATABASE))
        return (database.owner,) if database is not None and database.owner is not None else ()

    def why_due(self, observed: Observed, config: EnvironmentConfig) -> str:
        """Return a reason if the database does not exist or is not complete."""
        reading = observed.of(DATABASE)
        if config.databases is None or isinstance(reading, Unknown):
            return ""
        database = present(reading)
        return "" if database is not None and database.finished else "its database does not stand whole"

    def needed(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Return the database's reading, if branches get databases."""
        database = observed.of(DATABASE)
        return (database,) if config.databases else ()

    def why_taken(self, observed: Observed) -> str:
        """Return why the branch cannot have it: one of another owner exists under its name."""
        return why_taken(present(observed.of(DATABASE)), observed.key)

    def objects(self, config: EnvironmentConfig) -> tuple[ObjectRef, ...]:
        """Return the Secret that the login is delivered in."""
        return (login_reference(config.databases),) if config.databases else ()

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Plan to create or complete the database, and to deliver its login unless the Secret holds it."""
        terms, observed = plan_input.config.databases, plan_input.observed
        if terms is None:
            return Steps()
        database = present(observed.of(DATABASE))
        whole = database is not None and database.finished
        owner = database.owner if database is not None else None
        key = (owner or observed.key).as_written
        created: Change = CreateDatabase(
            key=key,
            name=observed.name.database,
            template=terms.template,
            connections=terms.connections,
        )
        secret = login_reference(terms)
        login = DeliverLogin(
            key=key,
            namespace=observed.name.namespace,
            database=observed.name.database,
            secret=terms.secret,
            host=terms.host,
            port=terms.port,
        )
        notes = [live.template for live in plan_input.objects if live.ref == secret]
        delivered = database is not None and bool(database.login) and notes == [login.note(database.login)]
        return Steps(make=() if whole else (created,), deliver=() if delivered else (login,))

    def noted(self, record: Record, plan_input: PlanInput) -> Record:
        """Record the name that the database is created with, by which it is found later."""
        config = plan_input.config
        return replace(record, database=plan_input.observed.name.database) if config.databases else record

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """Return the database, if the branch owns it, or if one exists and the record names a database.

        In the second case the ownership check decides. If the record names a database and no server is
        configured, the removal is blocked, since the database cannot be looked for.
        """
        record, database = observed.recorded.record, present(observed.of(DATABASE))
        noted = record.database if record else ""
        found = database is not None and (database.owner == observed.key or bool(noted))
        why = f"database {noted} was made for it, and POSTGRES_SERVER_URL is not set: set it again"
        kept = f"ConfigMap coppice-system/record-{observed.name.namespace}"
        away = f"{why}, or drop the database and delete {kept}"
        return Removal(
            subjects=(database,) if found else (),
            unreachable=(Blocked(away, "not_set_up"),) if noted and config.databases is None else (),
        )

    def expected(self, record: Record) -> Iterable[str]:
        """Return the database that the record names."""
        return (f"database/{record.database}",) if record.database else ()

    def why_not_ours(self, subject: Database, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why a database is not ours: its role has no mark of ours, or that of another branch."""
        return why_taken(subject, observed.key)

    def deletion(self, owned: Owned[Database], observed: Observed) -> Delete:
        """Return the change that drops the database and its role."""
        return DropDatabase(owned=owned)

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Return the status with whether the database exists, is complete and is the branch's."""
        reading = observed.of(DATABASE)
        if isinstance(reading, Unknown):
            return reading
        database, record = present(reading), observed.own_record
        taken = why_taken(database, observed.key)
        if taken:
            return replace(objects, lacks=(*objects.lacks, taken))
        if database is None:
            lost = tuple(self.expected(record)) if record is not None else ()
            return replace(objects, lacks=(*lost, *objects.lacks))
        unfinished = () if database.finished else (f"{database} is not finished",)
        return replace(objects, stands=(str(database), *objects.stands), lacks=(*unfinished, *objects.lacks))


@dataclass(frozen=True)
class _Renamed:
    """Reads databases, and translates former names of the repository to the present one."""

    inner: DatabaseReader
    config: EnvironmentConfig

    def get(self, name: str) -> Database | None:
        """Return a database and its role; `None` if neither exists."""
        found = self.inner.get(name)
        return found and self._known(found)

    def all(self, prefix: str) -> tuple[Database, ...]:
        """Return every database whose name begins with a prefix."""
        return tuple(map(self._known, self.inner.all(prefix)))

    def open_to_public(self) -> tuple[str, ...]:
        """Return the databases of the server that PUBLIC may connect to."""
        return self.inner.open_to_public()

    def _known(self, database: Database) -> Database:
        return replace(database, owner=database.owner and self.config.known(database.owner))
