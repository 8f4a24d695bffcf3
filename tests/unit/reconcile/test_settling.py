"""Tests that no pod starts before Entra has had time to know its credential."""

from datetime import timedelta

from coppice.reconciler.outcome import Waiting
from tests.support.program import Program


def test_a_run_that_waits_for_its_credentials_writes_the_record_twice() -> None:
    program = Program().with_rules(settle=timedelta(seconds=30))
    program.push("x")
    program.world.before = lambda _: program.world.pass_time(minutes=0.01)

    assert program.run("x").outcome.code == "settling"
    # First with what is about to be made, and then with since when all of it stands.
    assert program.world.calls.count("write record/feature-x") == 2


def test_no_pod_starts_before_its_credential_has_stood_long_enough_to_be_seen() -> None:
    program = Program().with_rules(settle=timedelta(seconds=30))
    program.push("x")

    report = program.run("x")

    assert isinstance(report.outcome, Waiting)
    assert (report.outcome.code, report.outcome.retry_after) == ("settling", 30)
    assert program.world.objects == {}
    program.world.pass_time(minutes=0.25)
    assert program.run("x").outcome == Waiting(report.outcome.why, "settling", 15)
    program.world.pass_time(minutes=0.25)
    program.run("x")
    assert "Deployment/web" in program.world.objects_in("feature-x")


def test_an_environment_whose_credentials_have_settled_waits_no_more() -> None:
    program = Program().with_rules(settle=timedelta(seconds=30))
    program.stand("x")
    commit = program.push("x")

    program.run("x")

    applied = program.namespace("x").applied
    assert applied is not None
    assert applied.revision == commit
