import json
from datetime import timedelta
from pathlib import Path

import pytest

from coppice.reconciler.outcome import Stalled
from scheduler.overrides import Override
from scheduler.pools import Reshape, Shape
from scheduler.schedule import json_schema
from tests.unit.scheduler.world import EVENING, SCHEDULE, App, World

DOCS = Path(__file__).parents[3] / "docs/reference/schedule-file.md"


def test_an_explanation_writes_nothing_and_has_the_exact_steps_of_the_next_change() -> None:
    world = World(now=EVENING - timedelta(hours=2))
    world.overrides["dev"] = Override(
        environment="dev", state="on", since=world.now, until=EVENING + timedelta(hours=1), who="Ada"
    )
    found = world.reconciler().explain("dev")
    assert found.plan.items == ()
    assert found.forecast.level.awake
    assert [each.who for each in found.forecast.overrides] == ["Ada"]
    first = found.forecast.schedule_changes[0]
    assert (first.at, first.awake) == (EVENING + timedelta(hours=1), False)
    assert found.next is not None
    planned = [str(change) for change in found.next.changes]
    assert (world.puts, len(world.commits), world.ledgers) == ([], 1, {})
    world.now = first.at
    executed: list[str] = []
    for _ in range(12):
        executed += [str(result.change) for result in world.tick().results if result.error is None]
        world.settle()
    assert list(dict.fromkeys(executed)) == [*planned, "note ledger/dev (asleep)"]


def test_an_override_that_has_ended_is_not_shown() -> None:
    world = World()
    world.overrides["dev"] = Override(
        environment="dev", state="on", since=world.now - timedelta(hours=9), until=world.now
    )
    assert world.reconciler().explain("dev").forecast.overrides == ()


def test_features_are_forecast_although_they_have_no_key() -> None:
    world = World(schedule=SCHEDULE + '  features:\n    awake: ["Mon-Fri 06:00-22:00"]\n')
    world.unreadable = {"overrides"}
    forecast = world.reconciler().features()
    assert forecast is not None
    assert forecast.level.awake
    assert f"{forecast.schedule_changes[0].at:%a %H:%M}" == "Mon 22:00"
    assert World().reconciler().features() is None


def test_every_environment_is_explained() -> None:
    found = (
        World(schedule=SCHEDULE + '  features:\n    awake: ["Mon-Fri 06:00-22:00"]\n')
        .reconciler()
        .explain_all()
    )
    assert found.keys() == {"dev"}


@pytest.mark.parametrize("environment", ["prod", "features", ""])
def test_an_unknown_environment_stalls_and_is_not_observed(environment: str) -> None:
    world = World(schedule=SCHEDULE + '  features:\n    awake: ["Mon-Fri 06:00-22:00"]\n')
    outcome = world.reconciler().reconcile(environment).outcome
    assert isinstance(outcome, Stalled)
    assert outcome.code == "unknown_environment"
    assert world.calls == 0


def test_the_report_is_one_line_of_json() -> None:
    report = World(now=EVENING).tick().as_json()
    assert json.loads(json.dumps(report))["environment"] == "dev"
    assert report["wanted"] == "outside of its hours"
    assert report["nodes"] == {"dev": 2, "gpu": 1}


def test_a_change_that_has_not_passed_ownership_is_not_made() -> None:
    world = World()
    change = Reshape(pool=world.pools["dev"], shape=Shape(0, None))
    with pytest.raises(TypeError, match="the scheduler does not do this: change pool/dev"):
        world.reconciler().executor.execute(change)


def test_every_key_of_the_schedule_is_documented() -> None:
    text, schema = DOCS.read_text(), json_schema()
    parts = schema["$defs"]
    assert isinstance(parts, dict)
    keys = {key for part in (schema, *parts.values()) for key in part.get("properties", ())}
    assert {key for key in keys if f"`{key}`" not in text and f"{key}:" not in text} == set()


class Quick(App):
    """An Application that refreshes as soon as it is requested."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, False if name == "refreshing" else value)


def test_an_argo_cd_that_refreshes_at_once_and_stays_behind_is_reported() -> None:
    """The real one refreshes within a second. That it was requested repeatedly is not worth reporting."""
    world = World(now=EVENING, app=Quick("c0", slow=1000))
    for _ in range(4):
        world.tick()
        world.settle()
    outcome = world.tick().outcome
    assert outcome.code == "sync"
    assert "Application/argocd/dev is at c0" in outcome.why
