"""Records and requests as ConfigMaps in `coppice-system`. kubectl shows them to people."""

import hashlib
from collections.abc import Mapping

from adapters.kubernetes.client import Api
from adapters.kubernetes.configmap_store import (
    KIND,
    OURS,
    config_map_path,
    write_config_map,
)
from adapters.kubernetes.record_codec import parse_records, record_data
from coppice.components.namespace import BRANCH, PART_OF, REPOSITORY
from coppice.components.removal import Owned
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import (
    BranchRecords,
    Record,
    RecordSet,
    Request,
)

_SELECTOR = f"{OURS},{KIND} in (record,request)"


class RecordStore:
    """Reads and writes records and requests.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, key: Key, name: Name) -> BranchRecords:
        """Read the record and the request of one branch; one list, by the slug that it shares with its twin.

        Args:
            key: the branch.
            name: its names.

        Returns:
            Both, as far as they exist.

        Raises:
            Rejected: one of them cannot be parsed.
            Failure: the server refused, or did not answer.
        """
        found = self._api.items(config_map_path(), selector=f"{_SELECTOR},{PART_OF}={name.slug}")
        found_records = parse_records(found)
        for failure in found_records.unparseable.values():
            raise failure
        return BranchRecords(
            next((each for each in found_records.records if each.namespace == name.namespace), None),
            next((each for each in found_records.requests if each.key == key), None),
        )

    def all(self) -> RecordSet:
        """Read all records and requests; one list.

        Returns:
            All of them, without the digests of the objects, and those that cannot be parsed.

        Raises:
            Failure: the server refused, or did not answer.
        """
        return parse_records(self._api.items(config_map_path(), selector=_SELECTOR), digests=False)

    def write(self, record: Record) -> None:
        """Write a record, if it has not changed since it was read.

        Args:
            record: the record, with the version that was read.

        Raises:
            Conflict: it has changed since.
            NotSetUp: `coppice-system` does not exist.
            Failure: the server refused, or did not answer.
        """
        self._write(_record_name(record.namespace), "record", record, record_data(record))

    def take_place(self, record: Record, most: int) -> None:
        """Write the first record of an environment, if there is room for one more; a list and a write.

        Args:
            record: the record.
            most: how many environments there may be.

        Raises:
            Failure: there is no room, or the record could not be written.
        """
        self.all().check_place(most)
        self.write(record)

    def ask(self, request: Request) -> None:
        """Write a request, in place of an earlier one of the branch.

        Args:
            request: the request, with the version of the earlier one.

        Raises:
            Conflict: the earlier one has changed since it was read.
            NotSetUp: `coppice-system` does not exist.
            Failure: the server refused, or did not answer.
        """
        data = {"action": request.action, "commit": request.commit, "at": request.at}
        self._write(_request_name(request.key), "request", request, data)

    def delete_record(self, owned: Owned[Record]) -> None:
        """Delete the record that was read.

        Args:
            owned: the record, with proof that it is ours.

        Raises:
            Conflict: it has changed since.
            Failure: the server refused, or did not answer.
        """
        self._api.delete(
            config_map_path(_record_name(owned.subject.namespace)), version=owned.subject.version
        )

    def delete_request(self, owned: Owned[Request]) -> None:
        """Delete the request that was read.

        Args:
            owned: the request, with proof that it is ours.

        Raises:
            Conflict: it has changed since.
            Failure: the server refused, or did not answer.
        """
        name = _request_name(owned.subject.key.as_written)
        self._api.delete(config_map_path(name), version=owned.subject.version)

    def _write(self, name: str, kind: str, written: Record | Request, data: Mapping[str, str]) -> None:
        write_config_map(
            self._api,
            name,
            kind=kind,
            data=data,
            version=written.version,
            labels={PART_OF: written.slug},
            annotations={REPOSITORY: written.key.repository, BRANCH: written.key.branch},
        )


def _record_name(namespace: str) -> str:
    return f"record-{namespace}"


def _request_name(key: Key) -> str:
    digest = hashlib.sha256(f"{key.repository}\0{key.branch}".encode()).hexdigest()
    return f"request-{digest[:24]}"
