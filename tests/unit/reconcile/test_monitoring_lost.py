"""Tests that a branch's part in shared monitoring is read again, and restored if it was lost."""

from dataclasses import replace

import pytest

from coppice.components.monitoring.pattern import KEYS
from coppice.components.monitoring.shared import JOBS_KEY, SharedConfig
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Forbidden
from coppice.reconciler.outcome import Done, Stalled
from tests.support.manifests import overlay
from tests.support.monitoring import PATTERN, PRODUCTION, older_kind
from tests.support.program import Program
from tests.unit.reconcile.test_monitoring import shared, texts, with_part

PATTERN_KEY = KEYS[0]


def put_back(program: Program, name: SharedName) -> None:
    """Apply the platform team's text again, which removes every branch's part."""
    before = {SharedName.JOBS: (JOBS_KEY, PRODUCTION), SharedName.SETTINGS: (PATTERN_KEY, PATTERN)}
    key, text = before[name]
    program.world.shared[name] = SharedConfig(name=name, version=program.world.number(), data={key: text})


@pytest.mark.parametrize("name", list(SharedName))
def test_a_part_that_somebody_wrote_over_is_found_by_the_sweep_and_put_back(name: SharedName) -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.stand("y", with_part("y"))
    program.stand("z")
    whole = texts(program)
    put_back(program, name)

    found = program.sweep()

    assert [each.key.branch for each in found.make] == ["x", "y"]
    assert {each.why for each in found.make} == {"its part in the monitoring that all share was lost"}
    program.drain()
    assert texts(program) == whole
    assert program.sweep().keys == ()


def test_a_part_that_was_lost_is_put_back_by_a_run_of_its_branch() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    whole = texts(program)
    put_back(program, SharedName.JOBS)

    assert program.run("x").outcome == Done()

    assert texts(program) == whole


def test_a_run_without_change_reads_the_shared_texts_once_if_it_has_a_part_there_and_else_never() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.stand("y")

    calls: dict[str, list[str]] = {}
    for branch in ("x", "y"):
        before = len(program.world.calls)
        assert program.run(branch).outcome == Done()
        calls[branch] = program.world.calls[before:]

    assert [call for call in calls["x"] if "shared" in call] == ["get shared monitoring"]
    assert len(calls["x"]) == len(calls["y"]) + 1


def test_a_part_that_the_overlay_has_given_up_is_not_taken_for_lost() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.stand("x")

    assert program.sweep().keys == ()
    before = len(program.world.calls)
    assert program.run("x").outcome == Done()
    assert program.world.writes(since=before) == []


def test_half_of_a_part_that_the_overlay_has_given_up_is_not_taken_for_lost() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))

    program.stand("x", (*overlay(), older_kind("feature-x")[0]))

    assert program.world.records["feature-x"].monitored == (SharedName.JOBS,)
    assert texts(program)[1] == PATTERN
    assert program.sweep().keys == ()


def test_a_record_outlives_the_part_that_its_overlay_has_given_up() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))

    def forbidden(what: str) -> None:
        if what.startswith("replace"):
            raise Forbidden("cannot update configmaps in kube-system")

    program.push("x")
    program.world.before = forbidden
    assert isinstance(program.run("x").outcome, Stalled)

    assert program.world.records["feature-x"].monitored == tuple(SharedName)


def test_what_is_said_of_a_part_is_not_believed_while_it_cannot_be_read() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))

    def forbidden(what: str) -> None:
        if "shared" in what:
            raise Forbidden("cannot get configmaps in kube-system")

    program.world.before = forbidden
    report = program.run("x")

    assert isinstance(report.outcome, Stalled)
    assert "cannot get configmaps in kube-system" in report.outcome.why


def spoil(program: Program) -> SharedConfig:
    """Make the jobs' text unparseable, as a manual edit can, and return the ConfigMap from before."""
    stands = program.world.shared[SharedName.JOBS]
    unparseable = {JOBS_KEY: stands.data[JOBS_KEY] + "broken: [\n"}
    program.world.shared[SharedName.JOBS] = replace(stands, version=program.world.number(), data=unparseable)
    return stands


def mend(program: Program, mended: SharedConfig) -> None:
    program.world.shared[SharedName.JOBS] = replace(mended, version=program.world.number())


@pytest.mark.parametrize("recorded", [True, False])
def test_of_a_branch_that_is_gone_only_the_record_waits_for_a_text_that_was_spoilt(recorded: bool) -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    stood = spoil(program)
    unparseable = texts(program)
    program.delete_branch("x")
    if not recorded:
        program.world.records.clear()
    program.tell("x")

    report = program.drain()[-1]

    assert isinstance(report.outcome, Stalled)
    assert report.outcome.code == "monitoring"
    assert "is no YAML" in report.outcome.why
    assert report.facts["receipt"]["monitoring/x"] == "standing"  # type: ignore[index]
    assert program.world.namespaces == {}
    assert program.world.every_credential() == ()
    assert set(program.world.records) == {"feature-x"}
    assert texts(program) == unparseable
    assert program.sweep().keys == ()
    assert isinstance(program.run("x").outcome, Stalled)

    mend(program, stood)
    assert [each.branch for each in program.sweep().keys] == ["x"]
    report = program.drain()[-1]
    assert report.facts["receipt"]["monitoring/x"] == "deleted"  # type: ignore[index]
    assert program.world.records == {}
    assert texts(program) == (PRODUCTION, PATTERN)


def test_a_spoilt_text_that_alone_is_left_of_a_branch_is_told_of() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    stood = spoil(program)
    program.delete_branch("x")
    program.world.records.clear()
    program.world.credentials.clear()
    program.world.remove_namespace("feature-x")

    assert isinstance(program.run("x").outcome, Stalled)

    mend(program, stood)
    program.sweep()
    program.drain()
    assert texts(program) == (PRODUCTION, PATTERN)


def test_a_branch_that_comes_back_while_its_record_waits_gets_its_environment_again() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    whole = texts(program)
    stood = spoil(program)
    program.delete_branch("x")
    program.tell("x")
    program.drain()
    program.push("x", with_part("x"))
    program.tell("x")

    assert isinstance(program.drain()[-1].outcome, Stalled)
    assert program.namespace("x").applied, "it is up, and its part alone is lacking"

    mend(program, stood)
    program.sweep()
    program.drain()
    assert set(program.world.namespaces) == {"feature-x"}
    assert texts(program) == whole
