"""A person's word against the calendar, as it comes over HTTP."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

import app.power_functions
from app.settings import load
from scheduler.loading import load as load_schedule
from scheduler.overrides import Override
from tests.unit.scheduler.states import asleep
from tests.unit.scheduler.world import SCHEDULE as NIGHTS
from tests.unit.scheduler.world import World
from tests.unit.test_settings import REQUIRED

SCHEDULE = """
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [dev]
    state: [{file: values.yaml, path: state}]
    sync: [{argocd: argocd/dev}]
"""


class Overrides:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[Override] = []

    def write(self, override: Override) -> None:
        self.written.append(override)

    def end(self, environment: str) -> None:
        raise AssertionError(environment)


class Out(func.Out[str]):
    """Where keys go."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def set(self, val: str) -> None:
        self.keys.append(val)

    def get(self) -> str:
        return self.keys[-1]


@pytest.mark.parametrize(("authentication", "remembered"), [("off", ""), ("easyauth", "ada@example.com")])
def test_who_asked_is_believed_only_where_app_service_vouches_for_it(
    monkeypatch: pytest.MonkeyPatch, authentication: str, remembered: str
) -> None:
    overrides, out = Overrides(), Out()
    program = SimpleNamespace(
        settings=load({**REQUIRED, "CONSOLE_AUTH": authentication}),
        schedule=load_schedule(SCHEDULE, name="schedule.yaml"),
        overrides=overrides,
    )
    monkeypatch.setattr(app.power_functions, "container", lambda: program)
    monkeypatch.setattr(app.power_functions, "now", lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    answer = app.power_functions.set_power._function.get_user_function()(
        func.HttpRequest(
            "POST",
            "/api/power/dev",
            headers={"X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.com"},
            route_params={"environment": "dev"},
            body=json.dumps({"state": "on", "reason": "a demo"}).encode(),
        ),
        out,
    )

    assert answer.status_code == 202
    assert [override.who for override in overrides.written] == [remembered]
    assert out.keys == ['{"environment": "dev"}']


class Queue:
    """Keeps the keys."""

    def __init__(self) -> None:
        self.put_in: list[str] = []

    def put(self, message: str) -> None:
        self.put_in.append(message)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The app over a world in memory, which sleeps."""
    world, queue = asleep(), Queue()

    def program() -> SimpleNamespace:
        power = world.reconciler()
        return SimpleNamespace(power=power, schedule=power.schedule, power_queue=queue)

    monkeypatch.setattr(app.power_functions, "container", program)
    yield world
    assert set(queue.put_in) <= {'{"environment": "dev"}'}


def tick() -> None:
    app.power_functions.tick_power._function.get_user_function()(None)


def told() -> Mapping[str, Any]:
    request = func.HttpRequest("GET", "/api/power", body=b"")
    answer = app.power_functions.show_power._function.get_user_function()(request)
    assert answer.status_code == 200
    body: Mapping[str, Any] = json.loads(answer.get_body())
    return body


def test_a_tick_wakes_what_the_schedule_no_longer_names_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.schedule = NIGHTS.replace("pools: [dev, gpu]", "pools: [dev]")
    for _ in range(4):
        tick()
        world.settle(minutes=5)
    assert (world.nodes["gpu"], world.shapes()["gpu"].tag, world.nodes["dev"]) == (1, "", 0)
    assert "(in no schedule)" in caplog.messages[0]
    assert "asleep, and in no schedule: pool/gpu" in caplog.messages[0]


def test_what_the_schedule_no_longer_names_is_shown_as_the_tick_reports_it(world: World) -> None:
    assert told()["orphans"] is None
    world.schedule = NIGHTS.replace("pools: [dev, gpu]", "pools: [dev]")
    before = dict(world.pools)
    orphans = told()["orphans"]
    assert orphans["now"]["items"][0] == {"wave": ["change pool/gpu (count 0 to 1)"]}
    assert orphans["now"]["note"] == "asleep, and in no schedule: pool/gpu"
    assert world.pools == before
    tick()
    world.settle(minutes=5)
    for _ in range(3):
        tick()
        world.settle(minutes=5)
    assert told()["orphans"] is None


def test_an_orphan_that_is_protected_is_shown_with_the_reason(world: World) -> None:
    world.schedule = NIGHTS.replace("pools: [dev, gpu]", "pools: [dev]").replace("[prod]", "[prod, gpu]")
    orphans = told()["orphans"]
    assert orphans["now"]["struck"] == [
        {"change": "change pool/gpu (count 0 to 1)", "why": "it is in protected_pools"}
    ]
    assert "it is in protected_pools" in orphans["stuck"]


def test_orphans_that_cannot_be_looked_for_are_not_said_to_be_none(world: World) -> None:
    world.unreadable = {"arm"}
    assert "no answer from arm" in told()["orphans"]["stuck"]
