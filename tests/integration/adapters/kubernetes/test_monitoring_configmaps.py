"""The two ConfigMaps of kube-system: read, edited in place, and nothing else touched."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
import yaml

from adapters.kubernetes.monitoring_configmaps import SharedAdapter
from coppice.components.monitoring.merge import brought, owners, with_part, without_part
from coppice.components.monitoring.shared import Part, SharedConfig
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Conflict, Forbidden, Gone, Unreachable
from coppice.reconciler.plan import Blocked
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster
from tests.unit.environment.sharing import part

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


def saying(text: str) -> Callable[[SharedConfig], SharedConfig]:
    """An edit after which the jobs say this."""
    return lambda read: replace(read, data={**read.data, "prometheus-config": text})


def test_editing_leaves_everything_else_as_it_is(standing: Cluster, adapter: SharedAdapter) -> None:
    before, neighbour = standing.standing(JOBS), standing.standing(SETTINGS)
    adapter.edit(SharedName.JOBS, saying("scrape_configs: []"))
    after = standing.standing(JOBS)
    assert after["data"] == {"prometheus-config": "scrape_configs: []", "other": "x"}
    assert after["binaryData"] == before["binaryData"]
    for field in ("labels", "annotations", "uid", "creationTimestamp", "name", "namespace"):
        assert after["metadata"][field] == before["metadata"][field]
    assert standing.standing(SETTINGS) == neighbour


def test_what_changes_nothing_is_not_written(standing: Cluster, adapter: SharedAdapter) -> None:
    adapter.edit(SharedName.JOBS, lambda read: read)
    assert standing.asked("PUT") == []


@pytest.mark.parametrize("name", list(SharedName))
def test_one_alone_is_read_by_one_call(standing: Cluster, adapter: SharedAdapter, name: SharedName) -> None:
    before = len(standing.emulator.requests)
    found = adapter.read([name])
    assert found.of(name) == adapter.read().of(name)
    assert [each for each in SharedName if found.of(each)] == [name]
    assert len(standing.emulator.requests) == before + 3


def test_a_lost_race_costs_one_read_and_one_write(standing: Cluster, adapter: SharedAdapter) -> None:
    faster = [SharedAdapter(standing.api)]

    def add(read: SharedConfig) -> SharedConfig:
        if faster:
            faster.pop().edit(SharedName.JOBS, saying("theirs"))
        return replace(
            read, data={**read.data, "prometheus-config": read.data["prometheus-config"] + " ours"}
        )

    adapter.edit(SharedName.JOBS, add)

    assert standing.standing(JOBS)["data"]["prometheus-config"] == "theirs ours"
    assert len(standing.asked("PUT")) == 3
    assert len(standing.asked("GET")) == 3


def test_whoever_loses_every_race_is_told_and_may_look_again(
    standing: Cluster, adapter: SharedAdapter
) -> None:
    other = SharedAdapter(standing.api)

    def lose(read: SharedConfig) -> SharedConfig:
        other.edit(SharedName.JOBS, saying(f"a: {read.version}"))
        return replace(read, data={"prometheus-config": "b: 2"})

    with pytest.raises(Conflict) as refused:
        adapter.edit(SharedName.JOBS, lose)
    assert refused.value.retry_after is None
    assert standing.standing(JOBS)["data"]["prometheus-config"].startswith("a: ")


def test_the_threads_of_one_process_do_not_race_each_other(standing: Cluster, adapter: SharedAdapter) -> None:
    def add(read: SharedConfig) -> SharedConfig:
        return replace(read, data={**read.data, "prometheus-config": read.data["prometheus-config"] + "+"})

    with ThreadPoolExecutor(8) as side_by_side:
        list(side_by_side.map(lambda _: adapter.edit(SharedName.JOBS, add), range(24)))

    assert standing.standing(JOBS)["data"]["prometheus-config"] == THEIRS + "+" * 24
    assert len(standing.asked("PUT")) == 24


def test_one_that_has_gone_is_not_created(standing: Cluster, adapter: SharedAdapter) -> None:
    standing.http.delete(JOBS).raise_for_status()
    with pytest.raises(Gone, match="deploy/cluster/install"):
        adapter.edit(SharedName.JOBS, saying("a: 1"))
    assert adapter.read().jobs is None


def test_one_that_goes_before_it_is_written_is_not_created(standing: Cluster, adapter: SharedAdapter) -> None:
    def late(read: SharedConfig) -> SharedConfig:
        standing.http.delete(JOBS).raise_for_status()
        return saying("a: 1")(read)

    with pytest.raises(Gone, match="deploy/cluster/install"):
        adapter.edit(SharedName.JOBS, late)
    assert adapter.read().jobs is None


def test_it_cannot_be_pointed_at_anything_else(standing: Cluster, adapter: SharedAdapter) -> None:
    elsewhere = {"metadata": {"name": "coredns", "namespace": "project"}, "kind": "Secret"}
    adapter.edit(SharedName.JOBS, lambda read: replace(saying("a: 1")(read), document=elsewhere))
    assert standing.asked("PUT") == [f"PUT {JOBS}"]
    with pytest.raises((KeyError, ValueError), match="coredns"):
        adapter.edit("coredns", lambda read: read)  # type: ignore[arg-type]  # that is the question
    with pytest.raises(ValueError, match="coredns"):
        adapter.edit(
            SharedName.JOBS,
            lambda read: replace(saying("b: 1")(read), name="coredns"),  # type: ignore[arg-type]  # as above
        )
    assert [name for name in dir(adapter) if not name.startswith("_")] == ["edit", "read"]


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (500, Unreachable)])
def test_an_error_is_no_absence(
    standing: Cluster, adapter: SharedAdapter, status: int, error: type[Exception]
) -> None:
    standing.emulator.fail(Fail(method="GET", path_prefix=JOBS, status=status, times=9))
    with pytest.raises(error):
        adapter.read()


def steps(adapter: SharedAdapter, mine: Part, *, leave: bool) -> Iterator[None]:
    """What a branch's run does, one call after the other, as the loop does it."""
    while True:
        there = adapter.read()
        yield
        changes = without_part(there, mine.owner.key) if leave else with_part(there, mine)
        assert not isinstance(changes, Blocked)
        if not changes:
            return
        for change in changes:
            adapter.edit(change.config.name, partial(brought, part=change.part))
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
