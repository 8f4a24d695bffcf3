"""The power scenario: dev and staging go to sleep in the evening and are up again in the morning.

The result of each step is read from ARM, from Git and from the cluster.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from coppice.reconciler.observation import present
from devtools.demo.assertions import ensure, until
from devtools.demo.clock import SleepPeriod, next_sleep_period, plan_lines
from devtools.demo.gitops import PRODUCTION, applications_healthy
from devtools.demo.narrator import Narrator
from devtools.demo.probes import Probes
from devtools.emulators.github.git import git

_NAMESPACES = {"dev": "ameide-dev", "staging": "staging"}  # an environment's agent pool has its name
_STATE = "sources/values/dev/globals.yaml"
_RELEASE = "flux-cd/apps/super-todo/staging/helmrelease.yaml"
_ASLEEP = {"dev": "off", "staging": 0}
_MINUTE = timedelta(minutes=1)
_OVERTIME = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class _Snapshot:
    """The state at one moment: ARM's pools, Git's flags and commit, and the UIDs of production's pods."""

    pools: Mapping[str, Mapping[str, Any]]
    flags: Mapping[str, object]
    commit: str
    production: frozenset[str]


def run_power_scenario(narrator: Narrator) -> None:
    """Run the scenario: an evening and the next morning.

    Args:
        narrator: the systems, with `gitops` running, the program and the console.

    Raises:
        UnexpectedStateError: a check failed.
    """
    period = next_sleep_period(narrator, "dev")
    before = _everything_runs_by_day(narrator)
    _the_forecast_changes_nothing(period, before)
    _an_override_keeps_staging_awake(period)
    _dev_goes_to_sleep(period, before)
    _staging_goes_to_sleep(period, before)
    _both_wake_in_the_morning(period, before)
    _other_pools_are_untouched(narrator, before)


def _everything_runs_by_day(narrator: Narrator) -> _Snapshot:
    spaces = {**_NAMESPACES, "prod": PRODUCTION}
    with narrator.console.step(
        "Argo CD deploys dev and production; Flux deploys staging", then="All three run"
    ):
        until(
            "dev, staging and production are running",
            lambda: (
                applications_healthy(narrator.world)
                and all(_pods_are_ready(narrator.probes, each) for each in spaces.values())
            ),
            seconds=narrator.patience,
        )
        for pool, namespace in spaces.items():
            narrator.console.fact(f"pool {pool}", _pool_summary(narrator.probes, pool, namespace))
        return _snapshot(narrator)


def _the_forecast_changes_nothing(period: SleepPeriod, before: _Snapshot) -> None:
    console, moment = period.narrator.console, period.starts - _MINUTE
    with console.step(
        f"{period.local_time(moment)}. What will happen tonight?",
        then="The forecast names each step; nothing changed",
    ):
        for name in _NAMESPACES:
            period.reconcile_until_done(moment, name)
            explained = period.at(moment).explain(name)
            schedule_change, planned = explained.forecast.schedule_changes[0], explained.next
            ensure(
                (schedule_change.at, schedule_change.awake) == (period.starts, False),
                f"{name} is to sleep at the hour",
            )
            ensure(planned is not None and bool(planned.changes), f"the steps for {name} are known")
            assert planned is not None
            console.remark(
                f"{period.local_time(schedule_change.at)}: {name} goes to sleep, {schedule_change.why}."
            )
            for line in plan_lines(planned):
                console.fact(name, line)
        ensure(_snapshot(period.narrator) == before, "a forecast changes nothing")


def _an_override_keeps_staging_awake(period: SleepPeriod) -> None:
    console, end = period.narrator.console, period.starts + _OVERTIME
    with console.step("Somebody needs staging for longer", then="An override keeps it on; it ends by itself"):
        body = {"state": "on", "until": end.isoformat(), "reason": "the release is late"}
        console.command(f"curl -X POST …/api/power/staging -d '{json.dumps(body)}'")
        answer = period.narrator.program.http.post("/api/power/staging", json=body).raise_for_status().json()
        console.fact("override", answer["override"])
        schedule_change = period.at(period.starts).explain("staging").forecast.schedule_changes[0]
        ensure(
            (schedule_change.at, schedule_change.awake) == (end, False),
            "staging is to sleep when the override has ended",
        )


def _dev_goes_to_sleep(period: SleepPeriod, before: _Snapshot) -> None:
    console = period.narrator.console
    with console.step(
        f"{period.local_time(period.starts)}. dev goes to sleep", then="dev has no nodes; staging still runs"
    ):
        console.remark(
            "Each run takes the steps that are possible now, says what it waits for, and ends. The queue "
            "would run it again later; the demo does so at once."
        )
        period.reconcile_until_done(period.starts, "staging", "dev")
        _ensure_asleep(period.narrator, "dev")
        ensure(_snapshot(period.narrator).pools["staging"] == before.pools["staging"], "staging is as it was")
        ensure(_pods_are_ready(period.narrator.probes, _NAMESPACES["staging"]), "staging still runs")


def _staging_goes_to_sleep(period: SleepPeriod, before: _Snapshot) -> None:
    console, moment = period.narrator.console, period.starts + _OVERTIME
    with console.step(f"{period.local_time(moment)}. The override has ended", then="staging is asleep too"):
        period.reconcile_until_done(moment, "dev", "staging")
        _ensure_asleep(period.narrator, "staging")
        ensure(_snapshot(period.narrator).production == before.production, "production still runs")


def _both_wake_in_the_morning(period: SleepPeriod, before: _Snapshot) -> None:
    narrator, probes = period.narrator, period.narrator.probes
    title = f"{period.local_time(period.ends)}. Waking begins, so that all is up when work starts"
    with narrator.console.step(title, then="dev and staging are exactly as before"):
        period.reconcile_until_done(period.ends, *_NAMESPACES)
        after = _snapshot(narrator)
        for name, namespace in _NAMESPACES.items():
            ensure(after.pools[name] == before.pools[name], f"ARM has each setting of pool {name} as before")
            ensure(
                len(probes.nodes(name)) == before.pools[name]["count"], f"the nodes of pool {name} are back"
            )
            ensure(_pods_are_ready(probes, namespace), f"the pods of {name} are ready")
            narrator.console.fact(f"pool {name}", _pool_summary(probes, name, namespace))
            narrator.woken.append(name)
        changed = git(narrator.world.platform.path, "diff", "--name-only", before.commit, after.commit)
        ensure(changed == b"", "every file in Git is as before")
        for name in _NAMESPACES:
            ledger = present(period.power.observe(name).ledger)
            for pool, hours in ledger.node_hours().items() if ledger else ():
                narrator.console.fact(
                    "ledger", f"pool {pool} was asleep for {hours:.1f} node hours, verified"
                )


def _other_pools_are_untouched(narrator: Narrator, before: _Snapshot) -> None:
    with narrator.console.step(
        "Was any other pool changed?", then="No: nobody wrote to the pools system and prod"
    ):
        written, after = narrator.probes.pools_written(), _snapshot(narrator)
        narrator.console.fact("ARM's log", f"writes to the pools {', '.join(sorted(written))}, and no others")
        ensure(
            written == set(_NAMESPACES), "ARM saw writes to the pools dev and staging, and to nothing else"
        )
        ensure(after.pools == before.pools, "every pool is as it was")
        ensure(after.production == before.production, "production's pods are the same ones")


def _snapshot(narrator: Narrator) -> _Snapshot:
    probes, repository = narrator.probes, narrator.world.platform
    commit = repository.head(repository.default_branch) or ""
    state, release = (
        yaml.safe_load(git(repository.path, "show", f"{commit}:{file}")) for file in (_STATE, _RELEASE)
    )
    flags = {"dev": state["environment"]["state"], "staging": release["spec"]["values"]["replicaCount"]}
    return _Snapshot(
        pools={name: probes.pool(name) for name in (*_NAMESPACES, "system", "prod")},
        flags=flags,
        commit=commit,
        production=frozenset(pod["metadata"]["uid"] for pod in probes.pods(PRODUCTION)),
    )


def _ensure_asleep(narrator: Narrator, name: str) -> None:
    now, probes = _snapshot(narrator), narrator.probes
    pool = now.pools[name]
    ensure(now.flags[name] == _ASLEEP[name], f"Git says that {name} is off")
    ensure(not probes.pods(_NAMESPACES[name]), f"no pod of {name} is left")
    ensure(not probes.nodes(name), f"no node of pool {name} is left")
    ensure(pool["count"] == 0 and not pool["enableAutoScaling"], f"ARM has pool {name} at 0")
    narrator.console.fact(f"pool {name}", _pool_summary(probes, name, _NAMESPACES[name]))
    narrator.asleep.append(name)


def _pods_are_ready(probes: Probes, namespace: str) -> bool:
    """Whether a namespace has pods, and each of them is ready."""
    pods = probes.pods(namespace)
    return bool(pods) and all(_is_ready(each["status"].get("conditions", ())) for each in pods)


def _is_ready(conditions: Sequence[Mapping[str, str]]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _pool_summary(probes: Probes, name: str, namespace: str) -> str:
    """A pool in one line: its settings in ARM, its nodes and its pods."""
    pool, nodes, pods = probes.pool(name), len(probes.nodes(name)), len(probes.pods(namespace))
    scales = f"{pool['minCount']} to {pool['maxCount']}" if pool["enableAutoScaling"] else "off"
    tags = "".join(f", tag {tag}={value}" for tag, value in pool.get("tags", {}).items())
    return f"count {pool['count']}, autoscaler {scales}{tags}; nodes: {nodes}; pods in {namespace}: {pods}"
