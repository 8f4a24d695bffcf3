"""Records and requests in the in-memory world. A write needs the version that was read."""

from dataclasses import dataclass, replace

from coppice.components.removal import Owned
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import BranchRecords, Record, RecordSet, Request
from coppice.reconciler.errors import Conflict, Gone
from tests.support.world import World


@dataclass
class InMemoryRecords:
    """Reads and writes records and requests."""

    world: World

    def get(self, key: Key, name: Name) -> BranchRecords:
        with self.world.call(f"read books of {key.branch}"):
            if name.slug in self.world.unparseable:
                raise self.world.unparseable[name.slug]
            return BranchRecords(self.world.records.get(name.namespace), self.world.requests.get(key))

    def all(self) -> RecordSet:
        with self.world.call("list books"):
            return RecordSet(
                records=tuple(replace(each, digests={}) for each in self.world.records.values()),
                requests=tuple(self.world.requests.values()),
                unparseable=dict(self.world.unparseable),
            )

    def write(self, record: Record) -> None:
        with self.world.call(f"write {record}"):
            _expect(self.world.records.get(record.namespace), record)
            self.world.records[record.namespace] = replace(record, version=self.world.number())

    def take_place(self, record: Record, most: int) -> None:
        self.all().check_place(most)
        self.write(record)

    def ask(self, request: Request) -> None:
        with self.world.call(f"write {request}"):
            _expect(self.world.requests.get(request.key), request)
            self.world.requests[request.key] = replace(request, version=self.world.number())

    def delete_record(self, owned: Owned[Record]) -> None:
        with self.world.call(f"delete {owned.subject}"):
            if owned.subject.namespace in self.world.records:
                _expect(self.world.records[owned.subject.namespace], owned.subject)
                del self.world.records[owned.subject.namespace]

    def delete_request(self, owned: Owned[Request]) -> None:
        with self.world.call(f"delete {owned.subject}"):
            key = owned.subject.key.as_written
            if key in self.world.requests:
                _expect(self.world.requests[key], owned.subject)
                del self.world.requests[key]


def _expect(current: Record | Request | None, written: Record | Request) -> None:
    if current is None and written.version:
        raise Gone(f"{written} is gone")
    if current is not None and current.version != written.version:
        raise Conflict(f"{written} is not the one that was read")
