"""The two ConfigMaps of kube-system: read, replaced by whoever read them last, and nothing else touched."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import yaml

from adapters.kubernetes.shared import SharedAdapter
from branches.monitoring.merge import owners, with_part, without_part
from branches.monitoring.shared import Part, SharedConfig, SharedName
from local.standin import Failure as Fail
from loop.errors import Conflict, Forbidden, Gone, Unreachable
from loop.plan import Stop
from tests.adapters.worlds import Cluster
from tests.branches.sharing import part

ALL = "/api/v1/namespaces/kube-system/configmaps"
JOBS = f"{ALL}/ama-metrics-prometheus-config"
SETTINGS = f"{ALL}/ama-metrics-settings-configmap"
THEIRS = "global: {scrape_interval: 1m}\r\nscrape_configs:\r\n- job_name: production\r\n"
PATTERN = 'podannotationnamespaceregex = "project"'


@pytest.fixture
def adapter(cluster: Cluster) -> SharedAdapter:
    return SharedAdapter(cluster.api)


@pytest.fixture
def standing(cluster: Cluster) -> Cluster:
    cluster.made(
        ALL, config_map("ama-metrics-prometheus-config", {"prometheus-config": THEIRS, "other": "x"})
    )
    cluster.made(
        ALL, config_map("ama-metrics-settings-configmap", {"pod-annotation-based-scraping": PATTERN})
    )
    return cluster


def config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"team": "ops"}, "annotations": {"why": "metrics"}}
    return {"metadata": metadata, "data": data, "binaryData": {"b": "AA=="}}


def jobs(adapter: SharedAdapter) -> SharedConfig:
    found = adapter.read().jobs
    assert found is not None
    return found


def test_what_does_not_exist_is_read_as_none(adapter: SharedAdapter) -> None:
    assert (adapter.read().jobs, adapter.read().settings) == (None, None)


def test_both_are_read_by_two_calls(standing: Cluster, adapter: SharedAdapter) -> None:
    found = adapter.read()
    assert found.jobs is not None
    assert found.settings is not None
    assert found.jobs.data == {"prometheus-config": THEIRS, "other": "x"}
    assert found.settings.data == {"pod-annotation-based-scraping": PATTERN}
    assert sorted(standing.asked("GET")) == sorted([f"GET {JOBS}", f"GET {SETTINGS}"])


def test_replacing_leaves_everything_else_as_it_is(standing: Cluster, adapter: SharedAdapter) -> None:
    before, neighbour = standing.standing(JOBS), standing.standing(SETTINGS)
    read = jobs(adapter)
    adapter.replace(replace(read, data={**read.data, "prometheus-config": "scrape_configs: []"}))
    after = standing.standing(JOBS)
    assert after["data"] == {"prometheus-config": "scrape_configs: []", "other": "x"}
    assert after["binaryData"] == before["binaryData"]
    for field in ("labels", "annotations", "uid", "creationTimestamp", "name", "namespace"):
        assert after["metadata"][field] == before["metadata"][field]
    assert standing.standing(SETTINGS) == neighbour


@pytest.mark.parametrize("name", list(SharedName))
def test_one_alone_is_read_by_one_call(standing: Cluster, adapter: SharedAdapter, name: SharedName) -> None:
    before = len(standing.standin.requests)
    found = adapter.read([name])
    assert found.of(name) == adapter.read().of(name)
    assert [each for each in SharedName if found.of(each)] == [name]
    assert len(standing.standin.requests) == before + 3


def test_whoever_read_an_older_version_is_refused_and_may_look_again(
    standing: Cluster, adapter: SharedAdapter
) -> None:
    first = second = jobs(adapter)
    adapter.replace(replace(first, data={"prometheus-config": "a: 1"}))
    with pytest.raises(Conflict) as refused:
        adapter.replace(replace(second, data={"prometheus-config": "b: 2"}))
    assert refused.value.retry_after is None
    assert standing.standing(JOBS)["data"] == {"prometheus-config": "a: 1"}


def test_one_that_was_made_anew_is_not_the_one_that_was_read(
    standing: Cluster, adapter: SharedAdapter
) -> None:
    read = jobs(adapter)
    standing.http.delete(JOBS).raise_for_status()
    standing.made(ALL, config_map("ama-metrics-prometheus-config", {"prometheus-config": "new: 1"}))
    with pytest.raises(Conflict):
        adapter.replace(read)
    assert standing.standing(JOBS)["data"] == {"prometheus-config": "new: 1"}


def test_one_that_has_gone_is_not_created(standing: Cluster, adapter: SharedAdapter) -> None:
    read = jobs(adapter)
    standing.http.delete(JOBS).raise_for_status()
    with pytest.raises(Gone, match="deploy/cluster/install"):
        adapter.replace(read)
    assert adapter.read().jobs is None


def test_it_cannot_be_pointed_at_anything_else(standing: Cluster, adapter: SharedAdapter) -> None:
    elsewhere = {"metadata": {"name": "coredns", "namespace": "project"}, "kind": "Secret"}
    adapter.replace(replace(jobs(adapter), document=elsewhere))
    assert standing.asked("PUT") == [f"PUT {JOBS}"]
    with pytest.raises(ValueError, match="coredns"):
        adapter.replace(replace(jobs(adapter), name="coredns"))  # type: ignore[arg-type]  # that is the question
    assert [name for name in dir(adapter) if not name.startswith("_")] == ["read", "replace"]


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (500, Unreachable)])
def test_an_error_is_no_absence(
    standing: Cluster, adapter: SharedAdapter, status: int, error: type[Exception]
) -> None:
    standing.standin.fail(Fail(method="GET", path_prefix=JOBS, status=status, times=9))
    with pytest.raises(error):
        adapter.read()


def steps(adapter: SharedAdapter, mine: Part, *, leave: bool) -> Iterator[None]:
    """What a branch's run does, one call after the other, as the loop does it."""
    while True:
        there = adapter.read()
        yield
        changes = without_part(there, mine.owner.key) if leave else with_part(there, mine)
        assert not isinstance(changes, Stop)
        if not changes:
            return
        for change in changes:
            try:
                adapter.replace(change.config)
            except Conflict:
                break
            finally:
                yield


@pytest.mark.parametrize("seed", range(5))
def test_branches_at_work_together_lose_nothing_of_each_others(
    standing: Cluster, adapter: SharedAdapter, seed: int
) -> None:
    chance = Random(seed)
    parts = [part(f"b{number}", "x", "y", annotated=True) for number in range(6)]
    start = [standing.standing(path)["data"] for path in (JOBS, SETTINGS)]
    run(chance, [steps(adapter, each, leave=False) for each in parts])
    assert [each.key for each in owners(adapter.read())] == [each.owner.key for each in parts]
    # Now some leave, while others have a new version.
    newer = [part(f"b{number}", "z") for number in (0, 2, 4)]
    leaving = [steps(adapter, each, leave=True) for each in (parts[1], parts[3], parts[5])]
    run(chance, [*leaving, *(steps(adapter, each, leave=False) for each in newer)])
    said = yaml.safe_load(jobs(adapter).data["prometheus-config"])
    assert [job["job_name"] for job in said["scrape_configs"]] == ["b0-z", "b2-z", "b4-z", "production"]
    run(chance, [steps(adapter, each, leave=True) for each in newer])
    assert [standing.standing(path)["data"] for path in (JOBS, SETTINGS)] == start


def run(chance: Random, under_way: list[Iterator[None]]) -> None:
    while under_way:
        each = chance.choice(under_way)
        if next(each, "done") == "done":
            under_way.remove(each)


def test_names_are_the_two_that_azure_reads() -> None:
    assert set(SharedName) == {"ama-metrics-prometheus-config", "ama-metrics-settings-configmap"}
