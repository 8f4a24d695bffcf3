"""Tests that a branch's database is created and dropped with its environment, and others' are not touched."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.outcome import Stalled, Waiting
from tests.support.config import SERVER, key
from tests.support.program import Program
from tests.support.world import World
from tests.unit.reconcile.databases import theirs, with_databases

SECRET = ("feature-x", ObjectRef("v1", "Secret", "branch-database"))


def with_databases_at(program: Program, **address: Any) -> Program:
    """Return the program with another address of the database server, which makes every overlay due."""
    return program.with_rules(databases=replace(SERVER, **address), digest="another address")


def password(world: World) -> str:
    return b64decode(world.objects[SECRET].manifest["data"]["password"]).decode()


def test_an_environment_gets_a_database_and_a_login_before_anything_of_it_runs() -> None:
    program = with_databases()
    program.push("x")

    program.run("x")

    writes = program.world.writes()
    order = [
        "write record/feature-x",
        "create namespace/feature-x",
        "create database/feature_x",
        "apply feature-x/Secret/branch-database",
        "write comment of role/feature_x",
        "apply feature-x/Deployment/web",
    ]
    assert [each for each in writes if each in order] == order


def test_the_login_of_the_secret_is_the_one_that_the_server_takes() -> None:
    program = with_databases()
    program.stand("x")

    data = program.world.objects[SECRET].manifest["data"]
    assert {name: b64decode(data[name]).decode() for name in ("host", "port", "database", "user")} == {
        "host": "pg.example",
        "port": "5432",
        "database": "feature_x",
        "user": "feature_x",
    }
    assert password(program.world) == program.world.passwords["feature_x"]


def test_no_plan_and_no_report_holds_the_password() -> None:
    program = with_databases()
    program.push("x")

    _, _, planned = program.reconciler.explain(key("x"))
    report = program.run("x")

    assert password(program.world) not in repr((planned, report, report.as_json(), program.world.records))


def test_mending_an_environment_leaves_its_login_alone() -> None:
    program = with_databases()
    program.stand("x")
    before = password(program.world)

    program.stand("x")
    program.world.pass_time(hours=25)
    program.tell("x")
    program.drain()

    assert password(program.world) == program.world.passwords["feature_x"] == before


@pytest.mark.parametrize("moved", [{"host": "pg-2.example"}, {"port": 6432}], ids=str)
def test_a_server_that_moved_to_another_address_has_its_logins_delivered_anew(moved: dict[str, Any]) -> None:
    program = with_databases()
    program.stand("x")

    program = with_databases_at(program, **moved)
    program.tell("x")
    program.drain()

    data = program.world.objects[SECRET].manifest["data"]
    expected = {"host": SERVER.host, "port": SERVER.port} | moved
    assert {name: b64decode(data[name]).decode() for name in expected} == {
        name: str(value) for name, value in expected.items()
    }
    assert password(program.world) == program.world.passwords["feature_x"]
    before = program.world.writes()
    program.tell("x")
    program.drain()
    assert program.world.writes() == before


def test_mending_a_database_whose_fence_was_torn_leaves_its_login_alone() -> None:
    program = with_databases()
    program.stand("x")
    before = password(program.world)
    program.world.databases["feature_x"] = replace(program.world.databases["feature_x"], finished=False)

    program.tell("x")
    program.drain()

    assert program.world.databases["feature_x"].finished
    assert password(program.world) == program.world.passwords["feature_x"] == before


def test_an_environment_that_is_made_anew_has_another_login() -> None:
    program = with_databases()
    program.stand("x")
    before = password(program.world)
    program.delete_branch("x")
    program.tell("x")
    program.drain()

    program.stand("x")

    assert password(program.world) == program.world.passwords["feature_x"] != before


def test_a_secret_that_was_deleted_by_hand_comes_back_with_a_login_that_works() -> None:
    program = with_databases()
    program.stand("x")
    del program.world.objects[SECRET]

    program.ask("x", "apply")
    program.drain()

    assert password(program.world) == program.world.passwords["feature_x"]


def test_a_database_that_was_dropped_by_hand_is_missed_by_the_sweep_and_made_anew() -> None:
    program = with_databases()
    program.stand("x")
    program.world.databases.clear()

    found = program.sweep()
    program.drain()

    assert [each.why for each in found.make] == ["its database does not stand whole"]
    assert program.world.databases["feature_x"].finished
    assert password(program.world) == program.world.passwords["feature_x"]


def test_a_branch_whose_database_stands_looks_once_more_and_writes_nothing() -> None:
    without, program = Program(), with_databases()
    for each in (without, program):
        each.stand("x")
        each.world.calls.clear()
        each.run("x")

    assert len(program.world.calls) == len(without.world.calls) + 1
    assert program.world.writes() == []


def test_a_database_of_that_name_that_is_not_ours_is_not_taken_over() -> None:
    program = with_databases()
    program.world.databases["feature_x"] = theirs("feature_x")
    program.push("x")

    report = program.run("x")

    assert isinstance(report.outcome, Stalled)
    assert "feature_x" in report.outcome.why
    assert program.world.writes() == []
    assert program.sweep().keys == ()


def test_a_server_that_cannot_be_reached_has_nothing_deleted_and_nothing_made() -> None:
    program = with_databases()
    program.stand("x")
    program.stand("y")
    program.delete_branch("x")

    def down(what: str) -> None:
        if "database" in what:
            raise Unreachable("connection refused")

    program.world.before = down
    program.push("y")
    since = len(program.world.calls)
    found = program.sweep()
    reports = [program.run("x"), program.run("y")]

    assert (found.keys, found.unread) == ((), ("connection refused",))
    assert all(isinstance(report.outcome, Waiting) for report in reports)
    assert program.world.writes(since) == []


def test_without_a_server_there_is_no_database_and_nothing_else_changes() -> None:
    program = Program()
    program.stand("x")

    assert program.world.databases == {}
    assert SECRET not in program.world.objects
    assert not [call for call in program.world.calls if "database" in call or "role" in call]
