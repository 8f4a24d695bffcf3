"""Tests of people's requests, and of how long a request is in force."""

from coppice.reconciler.outcome import Done
from tests.support.config import key, namespace_of
from tests.support.program import Program


def held() -> Program:
    program = Program()
    program.stand("x")
    assert program.ask("x", "hold").status == 202
    program.drain()
    return program


def stands(program: Program) -> bool:
    return namespace_of("x") in program.world.namespaces


def test_a_manual_delete_takes_everything_but_the_hold() -> None:
    program = held()

    assert not stands(program)
    assert program.world.every_credential() == ()
    assert program.world.records == {}
    assert [each.action for each in program.world.requests.values()] == ["hold"]


def test_a_hold_survives_sweeps_restarts_and_messages() -> None:
    program = held()
    restarted = Program(program.world)

    for _ in range(3):
        restarted.world.pass_time(hours=30)
        assert restarted.sweep().keys == ()
        restarted.tell("x")
        restarted.drain()

    assert not stands(restarted)


def test_a_hold_ends_when_the_branch_is_pushed_to_and_nobody_has_to_be_told() -> None:
    program = held()

    program.push("x")
    program.sweep()
    program.drain()

    assert stands(program)
    assert program.world.requests == {}


def test_a_hold_that_a_push_has_ended_does_not_come_back_with_its_commit() -> None:
    program = held()
    commit = program.world.heads["x"]
    program.stand("x")

    program.world.heads["x"] = commit
    program.tell("x")
    program.drain()

    assert stands(program)


def test_a_hold_ends_by_a_put() -> None:
    program = held()
    program.world.pass_time(minutes=1)

    assert program.ask("x", "apply").status == 202
    program.drain()

    assert stands(program)


def test_a_put_applies_an_environment_anew_once() -> None:
    program = Program()
    program.stand("x")
    program.world.objects.clear()
    program.world.pass_time(minutes=1)

    program.ask("x", "apply")
    program.drain()

    assert "Deployment/web" in program.world.objects_in("feature-x")
    before = len(program.world.calls)
    assert isinstance(program.run("x").outcome, Done)
    assert program.world.writes(since=before) == []


def test_a_second_put_is_a_second_request() -> None:
    program = Program()
    program.stand("x")
    for _ in range(2):
        program.world.pass_time(minutes=1)
        program.world.objects.clear()
        program.ask("x", "apply")
        program.drain()

        assert "Deployment/web" in program.world.objects_in("feature-x")


def test_what_was_asked_goes_with_the_branch() -> None:
    program = Program()
    program.stand("x")
    program.ask("x", "apply")
    program.drain()
    program.delete_branch("x")

    program.tell("x")
    program.drain()

    assert program.world.requests == {}


def test_an_excluded_branch_that_has_an_environment_can_be_deleted_by_hand() -> None:
    program = Program()
    program.stand("x")
    stricter = program.with_rules(exclude=("x",))

    assert stricter.ask("x", "apply").status == 409
    assert stricter.ask("x", "hold").status == 202
    stricter.drain()

    assert not stands(stricter)
    assert key("x") in stricter.world.requests
