"""Namespaces: created but never taken over, changed and deleted only if they are the ones that were read."""

import pytest

from adapters.kubernetes.namespaces import (
    NamespaceDeleterAdapter,
    NamespaceReaderAdapter,
    NamespaceWriterAdapter,
)
from coppice.components.namespace import Namespace
from coppice.components.removal import Owned
from coppice.reconciler.correlation import correlated
from coppice.reconciler.errors import Conflict, Failure, Forbidden, Gone, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster

X = "/api/v1/namespaces/x"


@pytest.fixture
def reader(cluster: Cluster) -> NamespaceReaderAdapter:
    return NamespaceReaderAdapter(cluster.api)


@pytest.fixture
def writer(cluster: Cluster) -> NamespaceWriterAdapter:
    return NamespaceWriterAdapter(cluster.api)


@pytest.fixture
def deleter(cluster: Cluster) -> NamespaceDeleterAdapter:
    return NamespaceDeleterAdapter(cluster.api)


def read(reader: NamespaceReaderAdapter, name: str = "x") -> Namespace:
    found = reader.get(name)
    assert found is not None
    return found


def test_a_namespace_that_is_created_can_be_read(
    reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    writer.create("x", labels={"a": "1"}, annotations={"coppice.dev/branch": "größe/日本"})
    found = read(reader)
    assert found.labels["a"] == "1"
    assert found.annotations == {"coppice.dev/branch": "größe/日本"}
    assert found.uid
    assert found.version
    assert (found.terminating_since, found.remaining) == (None, ())


def test_a_namespace_that_stands_is_neither_created_nor_touched(
    cluster: Cluster, writer: NamespaceWriterAdapter
) -> None:
    before = cluster.namespace("x", labels={"owner": "someone"})
    with pytest.raises(Conflict, match="already exists"):
        writer.create("x", labels={"owner": "me"}, annotations={"mine": "1"})
    assert cluster.standing(X)["metadata"] == before["metadata"]


def test_there_is_no_such_namespace(reader: NamespaceReaderAdapter) -> None:
    assert reader.get("x") is None


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (500, Unreachable)])
def test_a_namespace_that_cannot_be_read_is_not_absent(
    cluster: Cluster, reader: NamespaceReaderAdapter, status: int, kind: type[Failure]
) -> None:
    cluster.emulator.fail(Fail(status=status, times=3))
    with pytest.raises(kind):
        reader.get("x")


def test_every_namespace_is_read_page_by_page(
    cluster: Cluster, reader: NamespaceReaderAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.kubernetes.client._PAGE", 3)
    for number in range(7):
        cluster.namespace(f"n{number}")
    found = {each.name for each in reader.all()}
    assert {f"n{number}" for number in range(7)} < found
    assert len(cluster.asked("GET")) == 4


def test_applying_takes_back_our_labels_and_leaves_those_of_others(
    cluster: Cluster, reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    writer.create("x", labels={}, annotations={})
    cluster.http.patch(
        X,
        json={"metadata": {"labels": {"theirs": "1", "shared": "theirs"}}},
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()
    writer.apply(read(reader), labels={"a": "1", "shared": "ours"}, annotations={"n": "1"})
    writer.apply(read(reader), labels={"shared": "ours", "a": None}, annotations={"n": None})
    found = read(reader)
    assert (found.labels["theirs"], found.labels["shared"]) == ("1", "ours")
    assert "a" not in found.labels
    assert "n" not in found.annotations


def test_a_namespace_that_changed_since_it_was_read_is_not_applied_to(
    reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    writer.create("x", labels={}, annotations={})
    stale = read(reader)
    writer.annotate("x", {"someone": "was here"})
    with pytest.raises(Conflict):
        writer.apply(stale, labels={"a": "1"}, annotations={})
    assert "a" not in read(reader).labels


def recreated(cluster: Cluster, reader: NamespaceReaderAdapter) -> Namespace:
    """A namespace as it was read before another one was made under its name."""
    cluster.namespace("x")
    former = read(reader)
    cluster.http.delete(X).raise_for_status()
    assert reader.get("x") is None
    cluster.namespace("x", labels={"owner": "someone"})
    return former


def test_a_namespace_made_anew_is_not_applied_to(
    cluster: Cluster, reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    former = recreated(cluster, reader)
    with pytest.raises((Conflict, Rejected)):
        writer.apply(former, labels={"owner": "me"}, annotations={})
    assert read(reader).labels["owner"] == "someone"


def test_a_namespace_that_went_is_not_brought_back_by_applying(
    cluster: Cluster, reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    cluster.namespace("x")
    former = read(reader)
    cluster.http.delete(X).raise_for_status()
    with pytest.raises(Failure):
        writer.apply(former, labels={}, annotations={})
    assert reader.get("x") is None


def test_annotating_leaves_the_other_annotations(
    reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    writer.create("x", labels={}, annotations={"a": "1", "b": "1"})
    writer.annotate("x", {"b": "2", "c": "2"})
    assert read(reader).annotations == {"a": "1", "b": "2", "c": "2"}


def test_annotating_what_is_gone_says_so(writer: NamespaceWriterAdapter) -> None:
    with pytest.raises(Gone):
        writer.annotate("x", {"a": "1"})


def test_a_namespace_is_deleted(
    cluster: Cluster, reader: NamespaceReaderAdapter, deleter: NamespaceDeleterAdapter
) -> None:
    cluster.namespace("x")
    deleter.delete(Owned(read(reader)))
    assert reader.get("x") is None


def test_a_namespace_made_anew_is_not_deleted(
    cluster: Cluster, reader: NamespaceReaderAdapter, deleter: NamespaceDeleterAdapter
) -> None:
    former = recreated(cluster, reader)
    with pytest.raises(Conflict):
        deleter.delete(Owned(former))
    assert read(reader).terminating_since is None


def test_deleting_twice_is_no_error(
    cluster: Cluster, reader: NamespaceReaderAdapter, deleter: NamespaceDeleterAdapter
) -> None:
    cluster.namespace("x")
    found = read(reader)
    deleter.delete(Owned(found))
    deleter.delete(Owned(found))


def test_a_namespace_that_does_not_go_says_since_when_and_what_keeps_it(
    cluster: Cluster, reader: NamespaceReaderAdapter, deleter: NamespaceDeleterAdapter
) -> None:
    cluster.namespace("x")
    held = {"metadata": {"name": "held", "finalizers": ["example.com/stays"]}}
    cluster.made(f"{X}/configmaps", held)
    deleter.delete(Owned(read(reader)))
    cluster.clock.go_on(1)
    found = read(reader)
    assert found.terminating_since == cluster.clock.now.replace(second=0)
    assert any("example.com/stays" in each for each in found.remaining)


@pytest.mark.parametrize(
    ("setting", "said", "helps"),
    [
        ({"dead_apis": ["metrics.example.com/v1beta1"]}, "metrics.example.com/v1beta1", "get apiservices"),
        (
            {"undeletable": ["configmaps"]},
            "Failed to delete all resource types, 1 remaining: configmaps",
            "webhook",
        ),
    ],
)
def test_a_namespace_that_cannot_go_says_which_group_or_object_and_what_helps(
    cluster: Cluster,
    reader: NamespaceReaderAdapter,
    deleter: NamespaceDeleterAdapter,
    setting: dict[str, list[str]],
    said: str,
    helps: str,
) -> None:
    cluster.namespace("x")
    cluster.http.post("/_emulator/player", json=setting).raise_for_status()
    deleter.delete(Owned(read(reader)))
    cluster.clock.go_on(1)
    (kept,) = read(reader).remaining
    assert said in kept
    assert helps in kept


def test_every_write_notes_what_led_to_it_in_the_same_call(
    cluster: Cluster, reader: NamespaceReaderAdapter, writer: NamespaceWriterAdapter
) -> None:
    with correlated("the-first"):
        writer.create("x", labels={}, annotations={"a": "1"})
    assert read(reader).annotations == {"a": "1", "coppice.dev/correlation-id": "the-first"}

    with correlated("the-second"):
        writer.apply(read(reader), labels={}, annotations={"a": None})
    assert read(reader).annotations == {"coppice.dev/correlation-id": "the-second"}

    before = len(cluster.emulator.requests)
    with correlated("the-third"):
        writer.annotate("x", {"b": "2"})
    writer.annotate("x", {"c": "3"})  # by nobody known
    assert len(cluster.emulator.requests) == before + 2
    noted = {"b": "2", "c": "3", "coppice.dev/correlation-id": "the-third"}
    assert read(reader).annotations == noted
