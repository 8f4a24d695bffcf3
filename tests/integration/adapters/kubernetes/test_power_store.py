"""Ledgers and overrides as ConfigMaps: what is written comes back, and what is spoilt is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.kubernetes.power_store import LedgerAdapter, OverrideAdapter
from coppice.reconciler.errors import Conflict, NotSetUp, Rejected
from coppice.reconciler.observation import Present, Unknown
from scheduler.ledger import Ledger, SleepPeriod, Transition, Wake
from scheduler.overrides import Override
from tests.integration.adapters.worlds import Cluster

CONFIG_MAPS = "/api/v1/namespaces/coppice-system/configmaps"
NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
WORD = Override(
    environment="dev", state="on", since=NOW, until=NOW + timedelta(hours=8), who="dana", reason="a demo"
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
pools = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
times = st.datetimes(timezones=st.just(UTC))
nights = st.builds(SleepPeriod, times, times, st.dictionaries(pools, st.integers(0, 1000), max_size=2))
wakes = st.builds(Wake, times, st.timedeltas(timedelta(), timedelta(days=3)))
ledgers = st.builds(
    Ledger,
    environment=st.just("dev"),
    move=st.none() | st.builds(Transition, st.sampled_from(["down", "up"]), times),
    asleep=st.none() | nights,
    nights=st.lists(nights, max_size=3).map(tuple),
    wakes=st.lists(wakes, max_size=3).map(tuple),
    pools=st.dictionaries(pools, st.sampled_from(["count=2,min=1,max=3", "count=0"]), max_size=2),
)
overrides = st.builds(
    Override,
    environment=st.just("dev"),
    state=st.sampled_from(["on", "off"]),
    until=times,
    since=times,
    who=texts,
    reason=texts,
)
a_few = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def records(cluster: Cluster) -> LedgerAdapter:
    return LedgerAdapter(cluster.api)


@pytest.fixture
def words(cluster: Cluster) -> OverrideAdapter:
    return OverrideAdapter(cluster.api)


def spoil(cluster: Cluster, name: str, **data: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    cluster.http.patch(f"{CONFIG_MAPS}/{name}", json={"data": data}, headers=headers).raise_for_status()


def test_what_is_not_written_yet_is_an_empty_ledger(records: LedgerAdapter) -> None:
    assert records.ledger("dev") == Ledger(environment="dev")


@a_few
@given(ledger=ledgers)
def test_a_ledger_comes_back_as_it_was_written(records: LedgerAdapter, ledger: Ledger) -> None:
    records.write(replace(ledger, version=records.ledger("dev").version))
    assert replace(records.ledger("dev"), version="") == ledger


def test_a_ledger_that_somebody_else_wrote_meanwhile_is_not_overwritten(records: LedgerAdapter) -> None:
    records.write(Ledger(environment="dev"))
    read = records.ledger("dev")
    records.write(read.begin("down", NOW))
    for stale in (read.begin("up", NOW), Ledger(environment="dev")):
        with pytest.raises(Conflict):
            records.write(stale)
    assert records.ledger("dev").move == Transition("down", NOW)


@pytest.mark.parametrize(
    "data",
    [
        {"nights": "no json"},
        {"nights": "[[1]]"},
        {"wakes": '[["2026-03-02T20:00:00+00:00", "long"]]'},
        {"move": '["down", "2026-03-02T20:00:00"]'},  # in which zone?
        {"asleep": "7"},
    ],
)
def test_a_spoilt_ledger_is_named_and_not_taken_for_an_empty_one(
    records: LedgerAdapter, cluster: Cluster, data: dict[str, str]
) -> None:
    records.write(Ledger(environment="dev"))
    spoil(cluster, "ledger-dev", **data)
    with pytest.raises(Rejected, match="ConfigMap coppice-system/ledger-dev cannot be read"):
        records.ledger("dev")


def test_the_ledgers_of_all_environments_are_read_and_nothing_else(
    records: LedgerAdapter, words: OverrideAdapter
) -> None:
    assert records.ledgers() == ()
    words.write(WORD)
    for environment in ("dev", "staging"):
        records.write(Ledger(environment=environment).begin("down", NOW))
    readings = records.ledgers()
    assert set(map(type, readings)) == {Present}
    found = {each.value.environment: each.value for each in readings if isinstance(each, Present)}
    assert found == {each: records.ledger(each) for each in ("dev", "staging")}


def test_one_unparseable_ledger_is_unknown_and_hides_no_other(
    records: LedgerAdapter, cluster: Cluster
) -> None:
    for environment in ("dev", "staging"):
        records.write(Ledger(environment=environment))
    spoil(cluster, "ledger-dev", nights="no json")
    by_kind = {type(each): each for each in records.ledgers()}
    dev, staging = by_kind[Unknown], by_kind[Present]
    assert isinstance(dev, Unknown)
    assert "ConfigMap coppice-system/ledger-dev cannot be read" in str(dev.error)
    assert "mend it by hand" in str(dev.error)
    assert staging == Present(records.ledger("staging"))


@a_few
@given(override=overrides)
def test_an_override_comes_back_as_it_was_written(words: OverrideAdapter, override: Override) -> None:
    words.write(override)
    (found,) = words.overrides()
    assert replace(found, version="") == override


def test_an_override_takes_the_place_of_the_former_one_of_its_environment_alone(
    words: OverrideAdapter,
) -> None:
    for each in (WORD, replace(WORD, environment="staging"), replace(WORD, state="off")):
        words.write(each)
    found = {each.environment: each.state for each in words.overrides()}
    assert found == {"dev": "off", "staging": "on"}


def test_an_override_can_be_ended_more_than_once(words: OverrideAdapter) -> None:
    words.write(WORD)
    words.end("dev")
    words.end("dev")
    assert words.overrides() == ()


@pytest.mark.parametrize("data", [{"state": "perhaps"}, {"until": "soon"}, {"since": "2026-03-02T20:00:00"}])
def test_a_spoilt_override_is_named(words: OverrideAdapter, cluster: Cluster, data: dict[str, str]) -> None:
    words.write(WORD)
    spoil(cluster, "override-dev", **data)
    with pytest.raises(Rejected, match="ConfigMap coppice-system/override-dev cannot be read"):
        words.overrides()


def test_other_config_maps_are_no_overrides(words: OverrideAdapter, records: LedgerAdapter) -> None:
    records.write(Ledger(environment="dev"))
    assert words.overrides() == ()


def test_a_cluster_that_is_not_set_up_is_said_with_the_command_for_it(cluster: Cluster) -> None:
    cluster.http.delete("/api/v1/namespaces/coppice-system").raise_for_status()
    with pytest.raises(NotSetUp, match="deploy/cluster/install"):
        LedgerAdapter(cluster.api).write(Ledger(environment="dev"))
    with pytest.raises(NotSetUp, match="deploy/cluster/install"):
        OverrideAdapter(cluster.api).write(WORD)
