"""Tests of orphans, which the schedule no longer names: the tick wakes them, and the API shows them."""

import json
import logging
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

import app.power_functions
from tests.support.triggers import Context
from tests.unit.scheduler.states import asleep
from tests.unit.scheduler.world import SCHEDULE as NIGHTS
from tests.unit.scheduler.world import World


class Queue:
    """A queue that keeps the messages."""

    def __init__(self) -> None:
        self.put_in: list[str] = []

    def put(self, message: str) -> None:
        self.put_in.append(message)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Provide an in-memory world that is asleep, with the app on top of it."""
    world, queue = asleep(), Queue()

    def program() -> SimpleNamespace:
        power = world.reconciler()
        return SimpleNamespace(power=power, schedule=power.schedule, power_queue=queue)

    monkeypatch.setattr(app.power_functions, "container", program)
    yield world
    assert {json.loads(each)["environment"] for each in queue.put_in} <= {"dev"}


def tick() -> None:
    app.power_functions.tick_power._function.get_user_function()(None, Context())


def told() -> Mapping[str, Any]:
    request = func.HttpRequest("GET", "/api/power", body=b"")
    answer = app.power_functions.show_power._function.get_user_function()(request, Context())
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
