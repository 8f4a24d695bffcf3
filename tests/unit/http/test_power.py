"""Tests of overrides over HTTP, and of reconciling the environments whose keys they queue."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

import app.power_functions
from app.power import reconcile
from app.settings import load
from coppice.reconciler.correlation import correlated
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.outcome import Done, Waiting
from coppice.reconciler.report import Report
from scheduler.loading import load as load_schedule
from scheduler.overrides import Override
from tests.support.program import Program
from tests.support.triggers import Context, Out
from tests.unit.test_settings import REQUIRED

ASKED = "asked-by-ada"
DEV = """
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [dev]
    state: [{file: values.yaml, path: state}]
    sync: [{argocd: argocd/dev}]
"""
FEATURES = '  features:\n    awake: ["Mon-Fri 06:00-22:00"]\n'


class Overrides:
    """Keeps the overrides that are written, and the names of those that are ended."""

    def __init__(self) -> None:
        self.written: list[Override] = []
        self.ended: list[str] = []

    def write(self, override: Override) -> None:
        self.written.append(override)

    def end(self, environment: str) -> None:
        self.ended.append(environment)


def ask(
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    environment: str,
    body: object = None,
    *,
    authentication: str = "off",
) -> tuple[func.HttpResponse, Overrides, Out]:
    """Send a request to a program that has only settings, a schedule and a store of overrides."""
    overrides, out = Overrides(), Out()
    program = SimpleNamespace(
        settings=load({**REQUIRED, "CONSOLE_AUTH": authentication}),
        schedule=load_schedule(DEV + FEATURES, name="schedule.yaml"),
        overrides=overrides,
    )
    monkeypatch.setattr(app.power_functions, "container", lambda: program)
    monkeypatch.setattr(app.power_functions, "now", lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    answer = app.power_functions.set_power._function.get_user_function()(
        func.HttpRequest(
            method,
            f"/api/power/{environment}",
            headers={"X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.com", "x-ms-client-request-id": ASKED},
            route_params={"environment": environment},
            body=json.dumps(body).encode(),
        ),
        out,
        Context(),
    )
    return answer, overrides, out


@pytest.mark.parametrize(("authentication", "remembered"), [("off", ""), ("easyauth", "ada@example.com")])
def test_who_asked_is_believed_only_where_app_service_vouches_for_it(
    monkeypatch: pytest.MonkeyPatch, authentication: str, remembered: str
) -> None:
    body = {"state": "on", "reason": "a demo"}

    answer, overrides, out = ask(monkeypatch, "POST", "dev", body, authentication=authentication)

    assert answer.status_code == 202
    assert [override.who for override in overrides.written] == [remembered]
    assert [json.loads(each) for each in out.keys] == [{"environment": "dev", "correlationId": ASKED}]


@pytest.mark.parametrize(("method", "body"), [("POST", {"state": "on"}), ("DELETE", None)])
@pytest.mark.parametrize("environment", ["dev", "features"])
def test_a_persons_word_is_written_down_and_its_key_queued_and_nothing_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, method: str, body: object, environment: str
) -> None:
    answer, overrides, out = ask(monkeypatch, method, environment, body)

    assert answer.status_code == 202
    assert json.loads(answer.get_body())["correlation_id"] == ASKED
    assert [each.environment for each in overrides.written] + overrides.ended == [environment]
    assert [json.loads(each)["environment"] for each in out.keys] == [environment]


def test_what_was_refused_queues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, overrides, out = ask(monkeypatch, "POST", "features", {"state": "sideways"})

    assert (answer.status_code, overrides.written, out.keys) == (400, [], [])


class Power:
    """A reconciler of the power schedule's environments that does nothing."""

    def reconcile(self, environment: str) -> Report:
        return Report(key={"environment": environment}, outcome=Done("switched"), seconds=0)


def served(program: Program, schedule: str = DEV + FEATURES) -> Any:
    """Return a container with this program's branches."""
    return SimpleNamespace(
        schedule=load_schedule(schedule, name="schedule.yaml"),
        power=Power(),
        reconciler=program.reconciler,
        enqueue=program.enqueue,
        now=lambda: program.world.now,
    )


def report(program: Any, environment: str) -> Report:
    found = reconcile(program, environment)
    assert found is not None
    return found


def test_the_key_of_features_puts_those_branches_to_sleep_that_are_awake_and_wakes_them_again() -> None:
    program = Program()
    program.stand("x")
    program.stand("y")
    program.world.now += timedelta(hours=2)  # a new environment is not put to sleep
    assert report(served(program), "features").facts["queued"] == []

    program.world.night = program.world.now  # as after an override to sleep, or the end of one to be awake
    with correlated(ASKED):
        asleep = report(served(program), "features")

    assert (asleep.outcome.code, asleep.facts["queued"]) == ("done", ["x", "y"])
    assert {each.correlation_id for each in program.drain()} == {ASKED}
    assert [program.namespace(each).annotations["coppice.dev/asleep"] for each in "xy"] == ["true", "true"]

    program.world.night = None
    assert report(served(program), "features").facts["queued"] == ["x", "y"]
    program.drain()
    assert [program.namespace(each).annotations["coppice.dev/asleep"] for each in "xy"] == ["false", "false"]


def test_the_key_of_features_begins_no_removal() -> None:
    program = Program()
    program.stand("x")
    program.delete_branch("x")

    assert report(served(program), "features").facts["queued"] == []
    assert program.queue == []


def test_what_could_not_be_read_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program()
    program.stand("x")

    def heads() -> dict[str, str]:
        raise Unreachable("GitHub did not answer")

    monkeypatch.setattr(program.repository, "heads", heads)

    outcome = report(served(program), "features").outcome

    assert isinstance(outcome, Waiting)
    assert (outcome.code, outcome.retry_after) == ("unknown", 60)
    assert "GitHub did not answer" in outcome.why


def test_every_other_key_is_the_schedules() -> None:
    program = Program()
    program.push("x")

    assert report(served(program), "dev").outcome == Done("switched")
    assert report(served(program, DEV), "features").outcome == Done("switched")
    assert program.queue == []


def test_without_a_schedule_there_is_nothing_to_switch() -> None:
    assert reconcile(SimpleNamespace(schedule=None, power=None), "features") is None
