"""The database server in the in-memory world. A branch's database and role have the same name."""

from dataclasses import dataclass, replace

from coppice.components.database import CreateDatabase, Database, Dropped
from coppice.components.removal import Owned
from coppice.environment.key import Key
from coppice.reconciler.errors import Conflict, Gone, Rejected
from tests.support.world import World


@dataclass
class Databases:
    """Reads and creates databases. Creating one takes several statements, and may fail between any two."""

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
        current = self.world.databases.get(change.name)
        if current is not None and current.owner != change.key:
            raise Rejected(f"database {change.name} is someone else's")
        if current is None:
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

    def set_password(self, name: str, password: str, stamp: str, *, owner: Key) -> None:
        with self.world.call(f"alter role/{name}"):
            # A stamp belongs to one password, so a new password invalidates it.
            self.world.databases[name] = replace(self._owned(name, owner), login="", finished=False)
            self.world.passwords[name] = password
            self.world.pending[name] = stamp

    def confirm(self, name: str, stamp: str, *, owner: Key) -> None:
        with self.world.call(f"write comment of role/{name}"):
            self._owned(name, owner)
            latest = self.world.pending.pop(name, "") == stamp
            login = stamp if latest else ""
            self.world.databases[name] = replace(self._whole(name), login=login, finished=latest)
        if not latest:
            raise Conflict(f"role/{name} was given another password")

    def _owned(self, name: str, owner: Key) -> Database:
        current = self.world.databases.get(name)
        if current is None or current.owner != owner:
            raise Conflict(f"role/{name} is no longer a branch's")
        return current

    def _whole(self, name: str) -> Database:
        if name not in self.world.databases:
            raise Gone(f"there is no role {name}")
        return self.world.databases[name]


@dataclass
class DatabaseDropper:
    """Drops databases, even with open sessions."""

    world: World

    def drop(self, owned: Owned[Database]) -> Dropped:
        name = owned.subject.name
        current = self.world.databases.get(name)
        if current is not None and (current.oid, current.role) != (owned.subject.oid, owned.subject.role):
            raise Conflict(f"{owned.subject} is not the one that was read")
        if current is not None and current.oid is not None:
            with self.world.call(f"drop database/{name}"):
                self.world.databases[name] = replace(current, oid=None, sessions=0)
        if current is not None:
            with self.world.call(f"drop role/{name}"):
                self.world.databases.pop(name, None)
                self.world.passwords.pop(name, None)
        return Dropped(sessions=current.sessions) if current is not None else Dropped()
