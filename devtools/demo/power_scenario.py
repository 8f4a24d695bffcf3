"""The story of a night: dev and staging go to sleep, and are up again when people come.

What came of each step is read from ARM, from Git and from the cluster.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from coppice.reconciler.observation import present
from devtools.demo.assertions import ensure, until
from devtools.demo.clock import Night, next_night, steps
from devtools.demo.gitops import PRODUCTION, brought
from devtools.demo.narrator import Narrator
from devtools.demo.probes import Eyes
from devtools.emulators.github.git import git

_NAMESPACES = {"dev": "ameide-dev", "staging": "staging"}  # an environment's pool is called as it is
_STATE = "sources/values/dev/globals.yaml"
_RELEASE = "flux-cd/apps/super-todo/staging/helmrelease.yaml"
_OFF = {"dev": "off", "staging": 0}
_MINUTE = timedelta(minutes=1)
_OVERTIME = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """What stands in the world: the pools as ARM has them, the flags, the commit, and production's pods."""

    pools: Mapping[str, Mapping[str, Any]]
    flags: Mapping[str, object]
    commit: str
    production: frozenset[str]


def tell_night(narrator: Narrator) -> None:
    """Tell an evening and a morning.

    Args:
        narrator: where it takes place, with `gitops`, and how it is told.

    Raises:
        NotAsToldError: something is not as the story says.
    """
    night = next_night(narrator, "dev")
    before = _by_day(narrator)
    _what_will_happen_is_said_beforehand(night, before)
    _somebody_works_late(night)
    _dev_goes_to_sleep(night, before)
    _staging_follows(night, before)
    _all_is_up_in_the_morning(night, before)
    _nobody_else_was_touched(narrator, before)


def _by_day(narrator: Narrator) -> _Picture:
    spaces = {**_NAMESPACES, "prod": PRODUCTION}
    with narrator.say.step("Argo CD brings dev and production, and Flux brings staging", then="All runs"):
        until(
            "dev, staging and production run",
            lambda: brought(narrator.world) and all(_runs(narrator.eyes, each) for each in spaces.values()),
            seconds=narrator.patience,
        )
        for pool, namespace in spaces.items():
            narrator.say.fact(f"pool {pool}", _told(narrator.eyes, pool, namespace))
        return _picture(narrator)


def _what_will_happen_is_said_beforehand(night: Night, before: _Picture) -> None:
    say, moment = night.narrator.say, night.falls - _MINUTE
    with say.step(f"{night.shown(moment)}. What will happen tonight?", then="Said, and nothing was touched"):
        for name in _NAMESPACES:
            night.settle(moment, name)
            explained = night.at(moment).explain(name)
            turn, planned = explained.forecast.schedule_changes[0], explained.next
            ensure((turn.at, turn.awake) == (night.falls, False), f"{name} is to sleep at the hour")
            ensure(planned is not None and bool(planned.changes), f"the steps for {name} are known")
            assert planned is not None
            say.remark(f"{night.shown(turn.at)}: {name} goes to sleep, {turn.why}.")
            for line in steps(planned):
                say.fact(name, line)
        ensure(_picture(night.narrator) == before, "to ask changes nothing")


def _somebody_works_late(night: Night) -> None:
    say, end = night.narrator.say, night.falls + _OVERTIME
    with say.step("Somebody needs staging for longer", then="One request, and it ends by itself"):
        body = {"state": "on", "until": end.isoformat(), "reason": "the release is late"}
        say.command(f"curl -X POST …/api/power/staging -d '{json.dumps(body)}'")
        answer = night.narrator.program.http.post("/api/power/staging", json=body).raise_for_status().json()
        say.fact("override", answer["override"])
        turn = night.at(night.falls).explain("staging").forecast.schedule_changes[0]
        ensure((turn.at, turn.awake) == (end, False), "staging is to sleep when the override has ended")


def _dev_goes_to_sleep(night: Night, before: _Picture) -> None:
    say = night.narrator.say
    with say.step(f"{night.shown(night.falls)}. dev goes to sleep", then="dev has no nodes; staging runs on"):
        say.remark(
            "Each run takes the steps that the world is ready for, says what it waits for, and ends. Its key "
            "comes back later; here at once."
        )
        night.settle(night.falls, "staging", "dev")
        _ensure_asleep(night.narrator, "dev")
        ensure(_picture(night.narrator).pools["staging"] == before.pools["staging"], "staging is as it was")
        ensure(_runs(night.narrator.eyes, _NAMESPACES["staging"]), "staging runs on")


def _staging_follows(night: Night, before: _Picture) -> None:
    say, moment = night.narrator.say, night.falls + _OVERTIME
    with say.step(f"{night.shown(moment)}. The override has ended", then="staging sleeps too"):
        night.settle(moment, "dev", "staging")
        _ensure_asleep(night.narrator, "staging")
        ensure(_picture(night.narrator).production == before.production, "production runs on")


def _all_is_up_in_the_morning(night: Night, before: _Picture) -> None:
    narrator, eyes = night.narrator, night.narrator.eyes
    title = f"{night.shown(night.ends)}. Waking begins, for at the hour all has to be up"
    with narrator.say.step(title, then="dev and staging are what they were, to the letter"):
        night.settle(night.ends, *_NAMESPACES)
        after = _picture(narrator)
        for name, namespace in _NAMESPACES.items():
            ensure(after.pools[name] == before.pools[name], f"ARM has each setting of pool {name} as before")
            ensure(len(eyes.nodes(name)) == before.pools[name]["count"], f"the nodes of pool {name} are back")
            ensure(_runs(eyes, namespace), f"the pods of {name} are ready")
            narrator.say.fact(f"pool {name}", _told(eyes, name, namespace))
            narrator.woken.append(name)
        changed = git(narrator.world.platform.path, "diff", "--name-only", before.commit, after.commit)
        ensure(changed == b"", "every file in Git says what it said")
        for name in _NAMESPACES:
            ledger = present(night.power.observe(name).ledger)
            for pool, hours in ledger.node_hours().items() if ledger else ():
                narrator.say.fact("ledger", f"{hours:.1f} node hours of pool {pool} asleep, verified")


def _nobody_else_was_touched(narrator: Narrator, before: _Picture) -> None:
    with narrator.say.step("Who else was touched?", then="Nobody: system and prod never saw a write"):
        written, after = narrator.eyes.pools_written(), _picture(narrator)
        narrator.say.fact("ARM's log", f"pools that were written: {', '.join(sorted(written))}")
        ensure(
            written == set(_NAMESPACES), "ARM saw writes to the pools dev and staging, and to nothing else"
        )
        ensure(after.pools == before.pools, "every pool is as it was")
        ensure(after.production == before.production, "production's pods are the same ones")


def _picture(narrator: Narrator) -> _Picture:
    eyes, repository = narrator.eyes, narrator.world.platform
    commit = repository.head(repository.default_branch) or ""
    state, release = (
        yaml.safe_load(git(repository.path, "show", f"{commit}:{file}")) for file in (_STATE, _RELEASE)
    )
    flags = {"dev": state["environment"]["state"], "staging": release["spec"]["values"]["replicaCount"]}
    return _Picture(
        pools={name: eyes.pool(name) for name in (*_NAMESPACES, "system", "prod")},
        flags=flags,
        commit=commit,
        production=frozenset(pod["metadata"]["uid"] for pod in eyes.pods(PRODUCTION)),
    )


def _ensure_asleep(narrator: Narrator, name: str) -> None:
    now, eyes = _picture(narrator), narrator.eyes
    pool = now.pools[name]
    ensure(now.flags[name] == _OFF[name], f"Git says that {name} is off")
    ensure(not eyes.pods(_NAMESPACES[name]), f"no pod of {name} is left")
    ensure(not eyes.nodes(name), f"no node of pool {name} is left")
    ensure(pool["count"] == 0 and not pool["enableAutoScaling"], f"ARM has pool {name} at 0")
    narrator.say.fact(f"pool {name}", _told(eyes, name, _NAMESPACES[name]))
    narrator.asleep.append(name)


def _runs(eyes: Eyes, namespace: str) -> bool:
    """Whether pods are there, and each is ready."""
    pods = eyes.pods(namespace)
    return bool(pods) and all(_is_ready(each["status"].get("conditions", ())) for each in pods)


def _is_ready(conditions: Sequence[Mapping[str, str]]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _told(eyes: Eyes, name: str, namespace: str) -> str:
    """A pool in a few words: as ARM has it, and as the cluster does."""
    pool, nodes, pods = eyes.pool(name), len(eyes.nodes(name)), len(eyes.pods(namespace))
    scales = f"{pool['minCount']} to {pool['maxCount']}" if pool["enableAutoScaling"] else "off"
    tags = "".join(f", tag {tag}={value}" for tag, value in pool.get("tags", {}).items())
    return f"count {pool['count']}, autoscaler {scales}{tags}; nodes: {nodes}; pods in {namespace}: {pods}"
