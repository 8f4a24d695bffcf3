"""Records and requests as ConfigMaps: what is written comes back, and what is spoilt is named."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.kubernetes.configmap_store import check_system
from adapters.kubernetes.record_store import RecordStore
from coppice.components.removal import Owned
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import BranchRecords, Record, Request, Stall
from coppice.environment.references import CredentialRef, ObjectRef, SharedName
from coppice.reconciler.correlation import correlated
from coppice.reconciler.errors import Conflict, Failure, Forbidden, NotSetUp, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster

CONFIG_MAPS = "/api/v1/namespaces/coppice-system/configmaps"
KEY = Key(repository="acme/todo-app", branch="feature/x")
NAME = Name(branch="feature/x", slug="x", namespace="feature-x", database="feature_x", hosts=("a", "b"))
RECORD = Record(key=KEY, slug="x", namespace="feature-x", identities={"": "rg/id-1"})
REQUEST = Request(key=KEY, slug="x", action="hold", commit="c1", at="2026-03-02T08:00:00+00:00")

# What the API server takes in a ConfigMap is text without surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
keys = st.builds(Key, repository=names, branch=names)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
objects = st.lists(st.builds(ObjectRef, texts, texts, texts), max_size=3).map(tuple)
times = st.datetimes(timezones=st.just(UTC))
stalls = st.builds(Stall, commit=texts, digest=texts, asked=texts, at=times, why=texts)
any_record = st.builds(
    Record,
    key=keys,
    slug=labels,
    namespace=labels,
    identities=st.dictionaries(texts, texts, max_size=2),
    credentials=st.lists(st.builds(CredentialRef, texts, texts), max_size=2).map(tuple),
    rendered=texts,
    inventory=objects,
    digests=st.dictionaries(texts, texts, max_size=2),
    whole_at=st.none() | times,
    pruning=objects,
    stall=st.none() | stalls,
    receipt=st.dictionaries(texts, texts, max_size=2),
    monitored=st.lists(st.sampled_from(SharedName), unique=True).map(tuple),
)
requests = st.builds(
    Request,
    key=keys,
    slug=labels,
    action=st.sampled_from(["hold", "apply"]),
    commit=texts,
    at=times.map(datetime.isoformat),
)
many = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def records(cluster: Cluster) -> RecordStore:
    return RecordStore(cluster.api)


def read_record(records: RecordStore) -> Record:
    found = records.get(KEY, NAME).record
    assert found is not None
    return found


def read_request(records: RecordStore) -> Request:
    found = records.get(KEY, NAME).request
    assert found is not None
    return found


@many
@given(record=any_record)
def test_a_record_comes_back_as_it_was_written(cluster: Cluster, record: Record) -> None:
    records = RecordStore(cluster.api)
    records.write(record)
    found = records.get(record.key, replace(NAME, slug=record.slug, namespace=record.namespace)).record
    assert found is not None
    assert found == replace(record, version=found.version)
    assert found.version
    assert records.all().records == (replace(found, digests={}),)
    records.delete_record(Owned(found))
    assert records.all().records == ()


@many
@given(request=requests)
def test_a_request_comes_back_as_it_was_written(cluster: Cluster, request: Request) -> None:
    records = RecordStore(cluster.api)
    records.ask(request)
    (found,) = records.all().requests
    assert found == replace(request, version=found.version)
    records.delete_request(Owned(found))
    assert records.all().requests == ()


def test_nothing_is_written_of_a_branch_that_nobody_knows(records: RecordStore) -> None:
    assert records.get(KEY, NAME) == BranchRecords(None, None)


def test_a_record_that_says_not_where_its_part_in_monitoring_is_may_have_one_in_both(
    records: RecordStore, cluster: Cluster
) -> None:
    records.write(replace(RECORD, monitored=(SharedName.JOBS,)))
    maps = cluster.http.get(CONFIG_MAPS).json()["items"]
    (found,) = (each for each in maps if "monitored" in each.get("data", {}))
    former = {**found, "data": {**found["data"], "monitored": "true"}}
    cluster.http.put(f"{CONFIG_MAPS}/{found['metadata']['name']}", json=former).raise_for_status()
    assert read_record(records).monitored == tuple(SharedName)


def test_in_a_list_of_all_an_object_of_many_environments_is_kept_once(records: RecordStore) -> None:
    service = ObjectRef("v1", "Service", "web")
    for slug in ("x", "y"):
        inventory = (service, ObjectRef("v1", "ConfigMap", slug))
        records.write(replace(RECORD, slug=slug, namespace=f"feature-{slug}", inventory=inventory))
    x, y = (each.inventory for each in records.all().records)
    assert x[0] is y[0]
    assert (x[1].name, y[1].name) == ("x", "y")


def test_one_list_tells_all_of_a_branch(records: RecordStore, cluster: Cluster) -> None:
    records.write(RECORD)
    records.ask(REQUEST)
    before = len(cluster.emulator.requests)
    found = records.get(KEY, NAME)
    assert (found.record is not None, found.request is not None) == (True, True)
    assert len(cluster.emulator.requests) == before + 1


def test_the_record_of_a_namespace_is_told_whoever_owns_it(records: RecordStore) -> None:
    twin = Key(repository="acme/todo-app", branch="x")
    records.write(replace(RECORD, key=twin))
    records.ask(replace(REQUEST, key=twin))
    found = records.get(KEY, NAME)
    assert found.record is not None
    assert found.record.key == twin
    assert found.request is None


def test_a_record_is_replaced_only_where_it_is_as_it_was_read(records: RecordStore) -> None:
    records.write(RECORD)
    read = read_record(records)
    records.write(replace(read, rendered="first"))
    with pytest.raises(Conflict):
        records.write(replace(read, rendered="second"))
    assert read_record(records).rendered == "first"


def test_a_record_is_never_written_over_one_that_nobody_read(records: RecordStore) -> None:
    records.write(RECORD)
    with pytest.raises(Conflict):
        records.write(replace(RECORD, rendered="mine"))
    assert read_record(records).rendered == ""


def test_a_record_that_is_gone_is_not_brought_back_by_who_read_it(records: RecordStore) -> None:
    records.write(RECORD)
    read = read_record(records)
    records.delete_record(Owned(read))
    with pytest.raises(Failure):
        records.write(replace(read, rendered="again"))
    assert records.get(KEY, NAME).record is None


def test_a_record_that_changed_since_is_not_removed(records: RecordStore) -> None:
    records.write(RECORD)
    read = read_record(records)
    records.write(replace(read, rendered="later"))
    with pytest.raises(Conflict):
        records.delete_record(Owned(read))
    assert read_record(records).rendered == "later"


def test_a_request_from_before_the_repository_was_renamed_is_removed_where_it_stands(
    records: RecordStore,
) -> None:
    records.ask(REQUEST)
    found = records.get(KEY, NAME).request
    assert found is not None
    known_as = Key(repository="umbrella/todo-app", branch=KEY.branch, former=KEY.repository)

    records.delete_request(Owned(replace(found, key=known_as)))

    assert records.get(KEY, NAME).request is None


def test_a_request_that_was_made_anew_is_not_removed_with_the_former_one(records: RecordStore) -> None:
    records.ask(REQUEST)
    former = read_request(records)
    records.ask(replace(former, action="apply"))
    with pytest.raises(Conflict):
        records.delete_request(Owned(former))
    assert read_request(records).action == "apply"


def test_removing_twice_is_no_error(records: RecordStore) -> None:
    records.write(RECORD)
    read = read_record(records)
    records.delete_record(Owned(read))
    records.delete_record(Owned(read))


SPOILT = [
    {"namespace": None},
    {"identities": "{"},
    {"identities": "[]"},
    {"identities": '{"": 5}'},
    {"identities": "[" * 100_000},
    {"credentials": "{}"},
    {"credentials": '["ab"]'},
    {"credentials": '[["rg/id"]]'},
    {"inventory": "5"},
    {"inventory": '[["v1", "Service", "a", "b"]]'},
    {"inventory": '[["v1", "Service", 5]]'},
    {"digests": '["a"]'},
    {"digests": '{"a": 5}'},
    {"pruning": "null"},
    {"receipt": "[1]"},
    {"stall": "null"},
    {"stall": '{"commit": "c"}'},
    {"stall": '{"commit":"c","digest":"d","asked":"","at":"yesterday","why":"w"}'},
    {"stall": '{"commit":"c","digest":"d","asked":"","at":"2026-03-02T08:00:00","why":"w"}'},
    {"stall": '{"commit":"c","digest":"d","asked":"","at":"2026-03-02T08:00:00Z","why":"w","x":""}'},
]


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("data", SPOILT, ids=[f"{data!r:.60}" for data in SPOILT])
def test_a_record_that_someone_has_spoilt_is_named_and_the_others_are_read(
    records: RecordStore, cluster: Cluster, data: dict[str, str | None]
) -> None:
    records.write(RECORD)
    records.write(replace(RECORD, slug="y", namespace="feature-y"))
    patched = cluster.http.patch(
        f"{CONFIG_MAPS}/record-feature-x",
        json={"data": data},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    patched.raise_for_status()
    with pytest.raises(
        Rejected, match=r"coppice-system/record-feature-x cannot be read.*and what it alone knew of stays"
    ):
        records.get(KEY, NAME)
    shelf = records.all()
    assert [each.namespace for each in shelf.records] == ["feature-y"]
    assert set(shelf.unparseable) == {"x"}


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"action": "explode"}},
        {"data": {"action": None}},
        {"data": None},
        {"metadata": {"annotations": None}},
        {"metadata": {"annotations": {"coppice.dev/branch": ""}}},
    ],
)
def test_a_request_that_someone_has_spoilt_is_named(
    records: RecordStore, cluster: Cluster, change: dict[str, object]
) -> None:
    records.ask(REQUEST)
    (standing,) = records.all().requests
    (name,) = [
        each["metadata"]["name"]
        for each in cluster.standing(CONFIG_MAPS)["items"]
        if each["metadata"]["name"].startswith("request-")
    ]
    cluster.http.patch(
        f"{CONFIG_MAPS}/{name}", json=change, headers={"Content-Type": "application/merge-patch+json"}
    ).raise_for_status()
    with pytest.raises(Rejected, match=name):
        records.get(standing.key, NAME)


def test_config_maps_of_others_are_none_of_our_business(records: RecordStore, cluster: Cluster) -> None:
    ours = {"app.kubernetes.io/managed-by": "coppice"}
    for name, labels_of in (("theirs", {}), ("ours-of-another-kind", ours)):
        cluster.made(CONFIG_MAPS, {"metadata": {"name": name, "labels": labels_of}, "data": {"a": "b"}})
    shelf = records.all()
    assert (shelf.records, shelf.requests, dict(shelf.unparseable)) == ((), (), {})


def test_a_missing_system_namespace_is_told_with_the_command(cluster: Cluster) -> None:
    cluster.http.delete("/api/v1/namespaces/coppice-system").raise_for_status()
    cluster.http.get("/api/v1/namespaces")  # the namespace goes
    with pytest.raises(NotSetUp, match="deploy/cluster/install"):
        RecordStore(cluster.api).write(RECORD)
    with pytest.raises(NotSetUp, match="deploy/cluster/install"):
        check_system(cluster.api)


def test_the_system_namespace_stands(cluster: Cluster) -> None:
    check_system(cluster.api)


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (500, Unreachable)])
def test_books_that_cannot_be_read_are_not_empty(
    records: RecordStore, cluster: Cluster, status: int, kind: type[Failure]
) -> None:
    cluster.emulator.fail(Fail(status=status, times=6))
    with pytest.raises(kind):
        records.get(KEY, NAME)
    with pytest.raises(kind):
        records.all()


def test_what_led_to_a_record_is_noted_beside_it_and_is_no_part_of_it(
    cluster: Cluster, records: RecordStore
) -> None:
    with correlated("a-push"):
        records.write(RECORD)

    document = cluster.standing(f"{CONFIG_MAPS}/record-feature-x")
    assert document["metadata"]["annotations"] == {
        "coppice.dev/repository": KEY.repository,
        "coppice.dev/branch": KEY.branch,
        "coppice.dev/correlation-id": "a-push",
    }
    assert records.get(KEY, NAME).record == replace(RECORD, version=document["metadata"]["resourceVersion"])
