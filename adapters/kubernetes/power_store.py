"""Ledgers and overrides as ConfigMaps in `coppice-system`."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from adapters.kubernetes.client import Api
from adapters.kubernetes.configmap_store import (
    KIND,
    OURS,
    SYSTEM,
    config_map_path,
    write_config_map,
)
from coppice.reconciler.errors import Gone, Rejected
from coppice.reconciler.observation import Reading, read
from coppice.reconciler.times import parse_time
from scheduler.ledger import Ledger, SleepPeriod, Transition, Wake
from scheduler.overrides import Override

Parsed = TypeVar("Parsed")


class LedgerAdapter:
    """Reads and writes ledgers.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def ledger(self, environment: str) -> Ledger:
        """Read the ledger of an environment.

        Args:
            environment: the environment.

        Returns:
            Its ledger; an empty one if none was written yet.

        Raises:
            Rejected: it cannot be parsed.
            Failure: the server refused, or did not answer.
        """
        try:
            document = self._api.get(config_map_path(f"ledger-{environment}"))
        except Gone:
            return Ledger(environment=environment)
        return _read_ledger(document)

    def ledgers(self) -> tuple[Reading[Ledger], ...]:
        """Read the ledgers of all environments; one list.

        Returns:
            A reading of each.

        Raises:
            Failure: the server refused, or did not answer.
        """
        found = self._api.items(config_map_path(), selector=f"{OURS},{KIND}=ledger")
        return tuple(_ledger_reading(each) for each in found)

    def write(self, ledger: Ledger) -> None:
        """Write a ledger, if it has not changed since it was read.

        Args:
            ledger: the ledger, with the version that was read.

        Raises:
            Conflict: it has changed since.
            NotSetUp: `coppice-system` does not exist.
            Failure: the server refused, or did not answer.
        """
        name = f"ledger-{ledger.environment}"
        write_config_map(self._api, name, kind="ledger", data=_ledger_data(ledger), version=ledger.version)


class OverrideAdapter:
    """Reads and writes overrides.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def overrides(self) -> tuple[Override, ...]:
        """Read all overrides; one list.

        Returns:
            The overrides.

        Raises:
            Rejected: one cannot be parsed.
            Failure: the server refused, or did not answer.
        """
        found = self._api.items(config_map_path(), selector=f"{OURS},{KIND}=override")
        return tuple(_parse(each, _override, _OVERRIDE_ADVICE) for each in found)

    def write(self, override: Override) -> None:
        """Write an override, in place of an earlier one of the environment.

        Args:
            override: the override.

        Raises:
            Conflict: somebody else wrote one at the same time.
            NotSetUp: `coppice-system` does not exist.
            Failure: the server refused, or did not answer.
        """
        name = f"override-{override.environment}"
        data = {
            "environment": override.environment,
            "state": override.state,
            "until": override.until.isoformat(),
            "since": override.since.isoformat(),
            "who": override.who,
            "reason": override.reason,
        }
        write_config_map(self._api, name, kind="override", data=data, version=self._version(name))

    def end(self, environment: str) -> None:
        """Delete the override of an environment, if there is one.

        Args:
            environment: the environment.

        Raises:
            Conflict: somebody else changed it at the same time.
            Failure: the server refused, or did not answer.
        """
        version = self._version(f"override-{environment}")
        if version:
            self._api.delete(config_map_path(f"override-{environment}"), version=version)

    def _version(self, name: str) -> str:
        try:
            return str(self._api.get(config_map_path(name))["metadata"]["resourceVersion"])
        except Gone:
            return ""


# The ledger may hold the only snapshot of a sleeping pool.
_LEDGER_ADVICE = (
    "mend it by hand; without it the hours asleep are forgotten, and what a pool was is in its tags alone"
)
_OVERRIDE_ADVICE = "mend it, or delete it: then the calendar decides"


def _parse(
    document: Mapping[str, Any], parse: Callable[[Mapping[str, str], str], Parsed], advice: str
) -> Parsed:
    metadata = document["metadata"]
    try:
        return parse(document.get("data") or {}, metadata["resourceVersion"])
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        where = f"ConfigMap {SYSTEM}/{metadata['name']}"
        raise Rejected(f"{where} cannot be read ({error!r}): {advice}") from error


def _read_ledger(document: Mapping[str, Any]) -> Ledger:
    return _parse(document, _ledger, _LEDGER_ADVICE)


def _ledger_reading(document: Mapping[str, Any]) -> Reading[Ledger]:
    return read(lambda: _read_ledger(document))


def _override(data: Mapping[str, str], version: str) -> Override:
    if data["state"] not in {"on", "off"}:
        raise ValueError(f"state {data['state']!r} is neither on nor off")
    return Override(
        environment=data["environment"],
        state="on" if data["state"] == "on" else "off",
        until=parse_time(data["until"]),
        since=parse_time(data["since"]),
        who=data.get("who", ""),
        reason=data.get("reason", ""),
        version=version,
    )


def _ledger_data(ledger: Ledger) -> dict[str, str]:
    def period_data(each: SleepPeriod) -> list[object]:
        return [each.since.isoformat(), each.until.isoformat(), dict(each.nodes)]

    data = {
        "environment": ledger.environment,
        "nights": json.dumps([period_data(each) for each in ledger.sleep_periods]),
        "wakes": json.dumps([[each.began.isoformat(), each.took.total_seconds()] for each in ledger.wakes]),
    }
    if ledger.pools:
        data["pools"] = json.dumps(dict(ledger.pools))
    if ledger.transition is not None:
        data["move"] = json.dumps([ledger.transition.direction, ledger.transition.began.isoformat()])
    if ledger.asleep is not None:
        data["asleep"] = json.dumps(period_data(ledger.asleep))
    return data


def _ledger(data: Mapping[str, str], version: str) -> Ledger:
    def period(each: Any) -> SleepPeriod:
        since, until, nodes = each
        return SleepPeriod(
            parse_time(since), parse_time(until), {pool: int(count) for pool, count in nodes.items()}
        )

    transition = json.loads(data.get("move", "null"))
    asleep = json.loads(data.get("asleep", "null"))
    return Ledger(
        environment=data["environment"],
        transition=_transition(transition) if transition else None,
        asleep=period(asleep) if asleep else None,
        sleep_periods=tuple(period(each) for each in json.loads(data["nights"])),
        wakes=tuple(
            Wake(parse_time(began), timedelta(seconds=took)) for began, took in json.loads(data["wakes"])
        ),
        pools={str(pool): str(snapshot) for pool, snapshot in json.loads(data.get("pools", "{}")).items()},
        version=version,
    )


def _transition(value: Any) -> Transition:
    direction, began = value
    return Transition("down" if direction == "down" else "up", parse_time(began))
