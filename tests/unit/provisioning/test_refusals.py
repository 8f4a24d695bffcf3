"""An overlay that is refused: what stands stays, and it is not built again for nothing."""

from collections.abc import Callable

import pytest

from coppice.reconciler.outcome import Stalled
from tests.support.manifests import config_map, deployment, overlay, route
from tests.support.program import Program
from tests.support.repository import BROKEN
from tests.support.snapshot import snapshot

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}


def fetches(program: Program) -> int:
    return sum(1 for call in program.world.calls if call.startswith("fetch"))


@pytest.mark.parametrize("objects", [(NODE,), BROKEN, overlay(route("*.example.com"))])
def test_a_refused_overlay_leaves_nothing_but_word_of_it(objects: tuple[dict[str, object], ...]) -> None:
    program = Program()
    program.push("x", objects)

    report = program.run("x")

    assert isinstance(report.outcome, Stalled)
    assert report.outcome.code == "refused"
    assert program.world.writes() == ["write record/feature-x"]


def test_every_object_that_is_refused_is_named_with_its_reason() -> None:
    program = Program()
    program.push("x", (NODE, deployment(), route("*.example.com")))

    why = program.run("x").outcome.why

    assert "Node n: " in why
    assert "HTTPRoute web: " in why


def test_an_environment_that_stood_stays_as_it_was() -> None:
    program = Program()
    first = program.stand("x", overlay(config_map("old")))
    before = snapshot(program.world)
    program.push("x", (NODE,))

    report = program.run("x")

    after = snapshot(program.world)
    assert report.facts["revision"] == first
    assert {**after, "records": {}} == {**before, "records": {}}


def test_an_environment_that_stood_is_looked_after_while_its_branch_is_refused() -> None:
    program = Program()
    program.stand("x")
    program.push("x", (NODE,))
    program.run("x")
    program.world.credentials["rg/id-0"].clear()

    report = program.run("x")

    assert report.outcome.code == "refused"
    assert [each.name for each in program.world.every_credential()] == ["coppice-x"]


def test_a_refused_overlay_is_not_built_again() -> None:
    program = Program()
    program.push("x", (NODE,))
    program.run("x")
    built = fetches(program)

    report = program.run("x")

    assert fetches(program) == built
    assert isinstance(report.outcome, Stalled)
    assert "Node n: " in report.outcome.why


REASONS: dict[str, Callable[[Program], Program | object]] = {
    "the branch moves": lambda program: program.push("x"),
    "the settings change": lambda program: program.with_rules(digest="settings-2"),
    "a day passes": lambda program: program.world.pass_time(hours=24),
    "someone asks": lambda program: program.ask("x", "apply"),
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_a_refused_overlay_is_built_again_if(reason: Callable[[Program], object]) -> None:
    program = Program()
    program.push("x", (NODE,))
    program.run("x")
    built = fetches(program)
    program.world.pass_time(minutes=1)

    changed = reason(program)
    (changed if isinstance(changed, Program) else program).run("x")

    assert fetches(program) > built


def test_a_refusal_answers_a_request_once() -> None:
    program = Program()
    program.push("x", (NODE,))
    program.ask("x", "apply")
    program.drain()
    built = fetches(program)

    program.run("x")

    assert fetches(program) == built


def test_a_sweep_does_not_bring_a_refused_branch_back() -> None:
    program = Program()
    program.push("x", (NODE,))
    program.run("x")

    assert program.sweep().keys == ()


def test_a_push_that_mends_the_overlay_makes_the_environment() -> None:
    program = Program()
    program.push("x", (NODE,))
    program.run("x")

    program.stand("x")

    assert program.world.records["feature-x"].stall is None


def test_the_record_of_a_refused_branch_goes_with_the_branch() -> None:
    program = Program()
    program.push("x", (NODE,))
    program.run("x")
    program.delete_branch("x")

    program.tell("x")
    program.drain()

    assert program.world.records == {}
