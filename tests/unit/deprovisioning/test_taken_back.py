"""A removal that has begun and is taken back: what it has changed by then is mended."""

import contextlib

import pytest

from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Forbidden, Unreachable
from coppice.reconciler.outcome import Done
from tests.support.manifests import cron_job, overlay
from tests.support.program import Program
from tests.support.snapshot import snapshot
from tests.support.world import Crash

NIGHTLY = ("feature-x", ObjectRef("batch/v1", "CronJob", "nightly"))


def test_cron_jobs_that_were_suspended_for_it_run_again() -> None:
    program = Program()
    commit = program.stand("x", overlay(cron_job()))
    program.delete_branch("x")

    def forbidden(what: str) -> None:
        if what == "delete namespace/feature-x":
            raise Forbidden("403: grant the role")

    program.world.before = forbidden
    program.run("x")
    assert program.world.objects[NIGHTLY].manifest["spec"]["suspend"]

    program.world.heads["x"] = commit
    program.tell("x")
    reports = program.drain()

    assert reports[-1].outcome == Done()
    assert not program.world.objects[NIGHTLY].manifest["spec"]["suspend"]


@pytest.mark.parametrize("restarted", [False, True], ids=["once", "interrupted on the way back too"])
def test_wherever_it_is_cut_short_taking_it_back_leaves_what_was_there(restarted: bool) -> None:
    before = Program()
    commit = before.stand("x", overlay(cron_job()))
    expected = snapshot(before.world)
    before.delete_branch("x")
    whole = before.copy()
    whole.run("x")
    for number in range(len(whole.world.calls) - len(before.world.calls)):
        program = before.copy()
        program.world.crash_at(number)
        with pytest.raises(Crash):
            program.run("x")
        program.world.recover()
        program.world.heads["x"] = commit
        if restarted:
            program.world.settle()
            program.world.crash_at(number)
            program.tell("x")
            with contextlib.suppress(Crash):  # where it does not come to its end before
                program.drain()
            program.world.recover()
            program.queue.clear()
        program.tell("x")
        program.drain()
        assert program.run("x").outcome == Done()
        assert snapshot(program.world) == expected, number


def test_an_answer_that_was_lost_does_not_hide_that_it_had_begun() -> None:
    program = Program()
    commit = program.stand("x", overlay(cron_job()))
    program.delete_branch("x")

    def lost(what: str) -> None:
        if what.startswith("suspend"):
            raise Unreachable("reset")

    program.world.after = lost
    program.run("x")
    program.world.heads["x"] = commit
    program.tell("x")
    program.drain()

    assert not program.world.objects[NIGHTLY].manifest["spec"]["suspend"]
