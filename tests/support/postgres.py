"""The database server of the world: a database and a role of one name, marked with their branch."""

from dataclasses import dataclass, replace

from coppice.components.database import CreateDatabase, Database, Dropped
from coppice.components.removal import Owned
from coppice.reconciler.errors import Conflict, Gone, Rejected
from tests.support.world import World


@dataclass
class Databases:
    """Reads and makes databases. What is made in several statements may be cut short between any two."""

    world: World

    def get(self, name: str) -> Database | None:
        with self.world.call(f"get database/{name}"):
            return self.world.databases.get(name)

    def all(self, prefix: str) -> tuple[Database, ...]:
        with self.world.call("list databases"):
            return tuple(
                each for name, each in sorted(self.world.databases.items()) if name.startswith(prefix)
            )

    def open_to_public(self) -> tuple[str, ...]:
        with self.world.call("read who may connect"):
            return ()

    def create(self, change: CreateDatabase) -> None:
        stands = self.world.databases.get(change.name)
        if stands is not None and stands.owner != change.key:
            raise Rejected(f"database {change.name} is someone else's")
        if stands is None:
            with self.world.call(f"create role/{change.name}"):
                self.world.databases[change.name] = Database(
                    name=change.name,
                    oid=None,
                    role=int(self.world.number()),
                    owner=change.key,
                    login="",
                    finished=False,
                )
        if self._whole(change.name).oid is None:
            with self.world.call(f"create database/{change.name}"):
                self.world.databases[change.name] = replace(
                    self._whole(change.name), oid=int(self.world.number())
                )
        with self.world.call(f"write comment of database/{change.name}"):
            whole = self._whole(change.name)
            self.world.databases[change.name] = replace(whole, finished=bool(whole.login))

    def set_password(self, name: str, password: str, stamp: str) -> None:
        with self.world.call(f"alter role/{name}"):
            # The stamp goes with the password that it names.
            self.world.databases[name] = replace(self._whole(name), login="", finished=False)
            self.world.passwords[name] = password
            self.world.pending[name] = stamp

    def confirm(self, name: str, stamp: str) -> None:
        with self.world.call(f"write comment of role/{name}"):
            latest = self.world.pending.pop(name, "") == stamp
            login = stamp if latest else ""
            self.world.databases[name] = replace(self._whole(name), login=login, finished=latest)
        if not latest:
            raise Conflict(f"role/{name} was given another password")

    def _whole(self, name: str) -> Database:
        if name not in self.world.databases:
            raise Gone(f"there is no role {name}")
        return self.world.databases[name]


@dataclass
class DatabaseDropper:
    """Drops databases, whoever is connected."""

    world: World

    def drop(self, owned: Owned[Database]) -> Dropped:
        name = owned.subject.name
        stands = self.world.databases.get(name)
        if stands is not None and (stands.oid, stands.role) != (owned.subject.oid, owned.subject.role):
            raise Conflict(f"{owned.subject} is not the one that was read")
        if stands is not None and stands.oid is not None:
            with self.world.call(f"drop database/{name}"):
                self.world.databases[name] = replace(stands, oid=None, sessions=0)
        if stands is not None:
            with self.world.call(f"drop role/{name}"):
                self.world.databases.pop(name, None)
                self.world.passwords.pop(name, None)
        return Dropped(sessions=stands.sessions) if stands is not None else Dropped()
