"""Ledgers and overrides as ConfigMaps: what is written comes back, and what cannot be parsed is named."""

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
OVERRIDE = Override(
    environment="dev", state="on", since=NOW, until=NOW + timedelta(hours=8), who="dana", reason="a demo"
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
pools = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
times = st.datetimes(timezones=st.just(UTC))
sleep_periods = st.builds(SleepPeriod, times, times, st.dictionaries(pools, st.integers(0, 1000), max_size=2))
wakes = st.builds(Wake, times, st.timedeltas(timedelta(), timedelta(days=3)))
ledgers = st.builds(
    Ledger,
    environment=st.just("dev"),
    transition=st.none() | st.builds(Transition, st.sampled_from(["down", "up"]), times),
    asleep=st.none() | sleep_periods,
    sleep_periods=st.lists(sleep_periods, max_size=3).map(tuple),
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
def ledger_adapter(cluster: Cluster) -> LedgerAdapter:
    return LedgerAdapter(cluster.api)


@pytest.fixture
def override_adapter(cluster: Cluster) -> OverrideAdapter:
    return OverrideAdapter(cluster.api)


def corrupt(cluster: Cluster, name: str, **data: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    cluster.http.patch(f"{CONFIG_MAPS}/{name}", json={"data": data}, headers=headers).raise_for_status()


def test_what_is_not_written_yet_is_an_empty_ledger(ledger_adapter: LedgerAdapter) -> None:
    assert ledger_adapter.ledger("dev") == Ledger(environment="dev")


@a_few
@given(ledger=ledgers)
def test_a_ledger_comes_back_as_it_was_written(ledger_adapter: LedgerAdapter, ledger: Ledger) -> None:
    ledger_adapter.write(replace(ledger, version=ledger_adapter.ledger("dev").version))
    assert replace(ledger_adapter.ledger("dev"), version="") == ledger


def test_a_ledger_that_somebody_else_wrote_meanwhile_is_not_overwritten(
    ledger_adapter: LedgerAdapter,
) -> None:
    ledger_adapter.write(Ledger(environment="dev"))
    read = ledger_adapter.ledger("dev")
    ledger_adapter.write(read.begin("down", NOW))
    for stale in (read.begin("up", NOW), Ledger(environment="dev")):
        with pytest.raises(Conflict):
            ledger_adapter.write(stale)
    assert ledger_adapter.ledger("dev").transition == Transition("down", NOW)


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
def test_an_unparseable_ledger_is_named_and_not_taken_for_an_empty_one(
    ledger_adapter: LedgerAdapter, cluster: Cluster, data: dict[str, str]
) -> None:
    ledger_adapter.write(Ledger(environment="dev"))
    corrupt(cluster, "ledger-dev", **data)
    with pytest.raises(Rejected, match="ConfigMap coppice-system/ledger-dev cannot be read"):
        ledger_adapter.ledger("dev")


def test_the_ledgers_of_all_environments_are_read_and_nothing_else(
    ledger_adapter: LedgerAdapter, override_adapter: OverrideAdapter
) -> None:
    assert ledger_adapter.ledgers() == ()
    override_adapter.write(OVERRIDE)
    for environment in ("dev", "staging"):
        ledger_adapter.write(Ledger(environment=environment).begin("down", NOW))
    readings = ledger_adapter.ledgers()
    assert set(map(type, readings)) == {Present}
    found = {each.value.environment: each.value for each in readings if isinstance(each, Present)}
    assert found == {each: ledger_adapter.ledger(each) for each in ("dev", "staging")}


def test_one_unparseable_ledger_is_unknown_and_hides_no_other(
    ledger_adapter: LedgerAdapter, cluster: Cluster
) -> None:
    for environment in ("dev", "staging"):
        ledger_adapter.write(Ledger(environment=environment))
    corrupt(cluster, "ledger-dev", nights="no json")
    by_kind = {type(each): each for each in ledger_adapter.ledgers()}
    dev, staging = by_kind[Unknown], by_kind[Present]
    assert isinstance(dev, Unknown)
    assert "ConfigMap coppice-system/ledger-dev cannot be read" in str(dev.error)
    assert "mend it by hand" in str(dev.error)
    assert staging == Present(ledger_adapter.ledger("staging"))


@a_few
@given(override=overrides)
def test_an_override_comes_back_as_it_was_written(
    override_adapter: OverrideAdapter, override: Override
) -> None:
    override_adapter.write(override)
    (found,) = override_adapter.overrides()
    assert replace(found, version="") == override


def test_an_override_takes_the_place_of_the_former_one_of_its_environment_alone(
    override_adapter: OverrideAdapter,
) -> None:
    for each in (OVERRIDE, replace(OVERRIDE, environment="staging"), replace(OVERRIDE, state="off")):
        override_adapter.write(each)
    found = {each.environment: each.state for each in override_adapter.overrides()}
    assert found == {"dev": "off", "staging": "on"}


def test_an_override_can_be_ended_more_than_once(override_adapter: OverrideAdapter) -> None:
    override_adapter.write(OVERRIDE)
    override_adapter.end("dev")
    override_adapter.end("dev")
    assert override_adapter.overrides() == ()


@pytest.mark.parametrize("data", [{"state": "perhaps"}, {"until": "soon"}, {"since": "2026-03-02T20:00:00"}])
def test_an_unparseable_override_is_named(
    override_adapter: OverrideAdapter, cluster: Cluster, data: dict[str, str]
) -> None:
    override_adapter.write(OVERRIDE)
    corrupt(cluster, "override-dev", **data)
    with pytest.raises(Rejected, match="ConfigMap coppice-system/override-dev cannot be read"):
        override_adapter.overrides()


def test_other_config_maps_are_no_overrides(
    override_adapter: OverrideAdapter, ledger_adapter: LedgerAdapter
) -> None:
    ledger_adapter.write(Ledger(environment="dev"))
    assert override_adapter.overrides() == ()


def test_a_cluster_that_is_not_set_up_is_said_with_the_command_for_it(cluster: Cluster) -> None:
    cluster.http.delete("/api/v1/namespaces/coppice-system").raise_for_status()
    with pytest.raises(NotSetUp, match="deploy/cluster/install"):
        LedgerAdapter(cluster.api).write(Ledger(environment="dev"))
    with pytest.raises(NotSetUp, match="deploy/cluster/install"):
        OverrideAdapter(cluster.api).write(OVERRIDE)
