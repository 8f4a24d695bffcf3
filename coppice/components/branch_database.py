"""A branch's database and its login, as a component of the branch's environment."""

from collections.abc import Iterable
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
from coppice.environment.records import Record
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read
from coppice.reconciler.plan import Blocked, Change

DATABASE: Slot[Database] = Slot("database")
DATABASES: Slot[DatabaseReader] = Slot("databases")


@dataclass(frozen=True, kw_only=True)
class DropDatabase(Delete):
    """A branch's database and its role, whoever is connected."""

    verb: ClassVar[str] = "drop"
    owned: Owned[Database]


class BranchDatabase(Component[Database]):
    """A branch's database; there is one where the settings name a server."""

    state = DATABASE
    kinds = frozenset({"database"})
    subjects = (Database,)

    def under_former_names(self, readers: Slots, config: EnvironmentConfig) -> Slots:
        """A role that is marked with a former name of the repository is a branch's."""
        inner = readers.get(DATABASES)
        return readers.put(DATABASES, _Renamed(inner, config)) if inner else readers

    def as_recorded(self, name: Name, record: Record) -> Name:
        """Its database under the name that it was made with, whatever the prefix is by now."""
        return replace(name, database=record.database) if record.database else name

    def observe(self, observed: Observed, readers: Slots) -> Reading[Database]:
        """One call; none where branches get no databases."""
        server = readers.get(DATABASES)
        return Absent() if server is None else read(lambda: server.get(observed.name.database))

    def observe_all(self, readers: Slots) -> Observations[Database]:
        """All of the server: those that stand were made with the prefix of their time."""
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
        """The branch that its role is marked with."""
        database = present(observed.of(DATABASE))
        return (database.owner,) if database is not None and database.owner is not None else ()

    def why_due(self, observed: Observed, config: EnvironmentConfig) -> str:
        """It was dropped, or is not finished."""
        reading = observed.of(DATABASE)
        if config.databases is None or isinstance(reading, Unknown):
            return ""
        database = present(reading)
        return "" if database is not None and database.finished else "its database does not stand whole"

    def needed(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Whether it stands, where branches get one."""
        database = observed.of(DATABASE)
        return (database,) if config.databases else ()

    def why_taken(self, observed: Observed) -> str:
        """Another's stands under its name."""
        return why_taken(present(observed.of(DATABASE)), observed.key)

    def objects(self, config: EnvironmentConfig) -> tuple[ObjectRef, ...]:
        """The Secret that its login is delivered in."""
        return (login_reference(config.databases),) if config.databases else ()

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Create it, or finish what was begun of it; then deliver its login, unless the Secret has it."""
        terms, observed = plan_input.config.databases, plan_input.observed
        if terms is None:
            return Steps()
        database = present(observed.of(DATABASE))
        whole = database is not None and database.finished
        owner = database.owner if database is not None else None
        created: Change = CreateDatabase(
            key=(owner or observed.key).as_written,
            name=observed.name.database,
            template=terms.template,
            connections=terms.connections,
        )
        secret = login_reference(terms)
        login = DeliverLogin(
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
        """Under which name it was made: it is looked for by that."""
        config = plan_input.config
        return replace(record, database=plan_input.observed.name.database) if config.databases else record

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """The database, if it is the branch's, or stands in the place of one that was."""
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
        """The database that was made for the environment."""
        return (f"database/{record.database}",) if record.database else ()

    def why_not_ours(self, subject: Database, observed: Observed, config: EnvironmentConfig) -> str:
        """Its role bears no mark of ours, or another branch's."""
        return why_taken(subject, observed.key)

    def deletion(self, owned: Owned[Database], observed: Observed) -> Delete:
        """Drop it and its role."""
        return DropDatabase(owned=owned)

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Whether it stands whole, and is the branch's."""
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
    """Databases, under the repository's present name."""

    inner: DatabaseReader
    config: EnvironmentConfig

    def get(self, name: str) -> Database | None:
        """A database and its role."""
        found = self.inner.get(name)
        return found and self._known(found)

    def all(self, prefix: str) -> tuple[Database, ...]:
        """Every one whose name begins like this."""
        return tuple(map(self._known, self.inner.all(prefix)))

    def open_to_public(self) -> tuple[str, ...]:
        """The server's databases to which every role may connect."""
        return self.inner.open_to_public()

    def _known(self, database: Database) -> Database:
        return replace(database, owner=database.owner and self.config.known(database.owner))
