from collections.abc import Callable
from dataclasses import replace

import pytest

from coppice.components.federated_identity import Credential
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Failure, Forbidden, Throttled, Unreachable
from coppice.reconciler.observation import Absent, Present
from coppice.reconciler.outcome import Done, Stalled, Waiting
from deprovisioning.planner import plan
from tests.support.builders import credential_of, noting, sight
from tests.support.config import CONFIG
from tests.support.manifests import config_map, cron_job, overlay
from tests.support.program import Program
from tests.support.world import START

NAMESPACE, CREDENTIAL = "namespace/feature-x", "credential/rg/id-0/coppice-x"


def doomed() -> Program:
    """An environment whose branch is gone."""
    program = Program()
    program.stand("x", overlay(cron_job()))
    program.delete_branch("x")
    return program


def failing(at: str, failure: Failure) -> Callable[[str], None]:
    def before(what: str) -> None:
        if what == at:
            raise failure

    return before


def test_cron_jobs_stop_first_then_the_namespace_goes_then_the_credentials_and_the_record_last() -> None:
    program = doomed()
    before = len(program.world.calls)

    program.tell("x")
    program.drain()

    assert program.world.writes(since=before) == [
        "write record/feature-x",
        "suspend feature-x/CronJob/nightly",
        "delete namespace/feature-x",
        f"delete {CREDENTIAL}",
        "delete record/feature-x",
    ]


def test_nothing_is_done_until_the_namespace_is_really_gone() -> None:
    program = doomed()

    report = program.run("x")

    assert report.outcome == Waiting(f"{NAMESPACE} is not gone yet", "terminating", 5)
    assert "feature-x" in program.world.records
    assert isinstance(program.run("x").outcome, Waiting)
    program.world.settle()
    assert isinstance(program.run("x").outcome, Done)
    assert program.world.records == {}


def test_it_ends_with_a_receipt_over_all_its_runs() -> None:
    program = doomed()

    assert program.run("x").facts["receipt"] == {NAMESPACE: "standing", CREDENTIAL: "standing"}
    program.world.settle()
    assert program.run("x").facts["receipt"] == {NAMESPACE: "deleted", CREDENTIAL: "deleted"}


def test_what_was_never_there_is_absent_on_the_receipt() -> None:
    program = doomed()
    program.world.credentials["rg/id-0"].clear()

    program.run("x")
    program.world.settle()

    assert program.run("x").facts["receipt"] == {NAMESPACE: "deleted", CREDENTIAL: "absent"}


def test_what_failed_is_on_the_receipt_with_the_reason_and_the_record_stays() -> None:
    program = doomed()
    program.world.before = failing(f"delete {CREDENTIAL}", Throttled("429: slow down", retry_after=9))

    report = program.run("x")

    assert report.facts["receipt"] == {NAMESPACE: "standing", CREDENTIAL: "failed: 429: slow down"}
    assert report.outcome == Waiting("429: slow down", "throttled", 9)
    program.world.before = lambda _: None
    program.world.settle()
    reports = [program.run("x"), program.run("x")]
    assert {NAMESPACE: "deleted", CREDENTIAL: "deleted"} in [each.facts.get("receipt") for each in reports]
    assert isinstance(reports[-1].outcome, Done)


@pytest.mark.parametrize("at", [f"delete {NAMESPACE}", f"delete {CREDENTIAL}"])
def test_forbidden_does_not_count_as_done(at: str) -> None:
    """A destroy command said that all was well where it had not been allowed to delete anything."""
    program = doomed()
    program.world.before = failing(at, Forbidden("403: not allowed. Check the roles in deploy/cluster"))

    report = program.run("x")

    assert isinstance(report.outcome, Stalled)
    assert "Check the roles in deploy/cluster" in report.outcome.why
    assert "feature-x" in program.world.records
    assert "failed: 403" in str(report.facts["receipt"])


def test_ten_minutes_in_terminating_need_a_person_who_is_told_what_holds_it() -> None:
    program = doomed()
    kept = "Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances"
    program.world.stuck["feature-x"] = (kept,)
    program.run("x")

    program.world.pass_time(minutes=9)
    assert isinstance(program.run("x").outcome, Waiting)
    program.world.pass_time(minutes=1)
    report = program.run("x")

    assert isinstance(report.outcome, Stalled)
    assert report.outcome.code == "terminating"
    assert kept in report.outcome.why


def test_without_a_record_the_credentials_are_looked_for_on_every_identity() -> None:
    program = doomed()
    program.world.credentials["rg/id-1"] = {"coppice-x": credential_of("x", identity="rg/id-1")}
    program.world.records.clear()

    program.tell("x")
    reports = program.drain()

    assert program.world.every_credential() == ()
    assert program.world.records == {}
    assert isinstance(reports[-1].outcome, Done)
    assert reports[-1].facts["receipt"] == {
        NAMESPACE: "deleted",
        CREDENTIAL: "deleted",
        "credential/rg/id-1/coppice-x": "deleted",
    }


def test_with_a_record_only_the_identity_that_it_names_is_read() -> None:
    program = doomed()
    before = len(program.world.calls)

    program.run("x")

    assert "list credentials of rg/id-1" not in program.world.calls[before:]


def test_a_foreign_credential_about_the_same_namespace_stays_and_is_told() -> None:
    program = doomed()
    theirs = Credential(
        identity="rg/id-0",
        name="terraform",
        issuer=credential_of("x").issuer,
        subject="system:serviceaccount:feature-x:runner",
    )
    program.world.add_credential(theirs)

    program.tell("x")
    reports = program.drain()

    assert program.world.every_credential() == (theirs,)
    assert isinstance(reports[-1].outcome, Stalled)
    assert "credential/rg/id-0/terraform is not ours to delete" in reports[-1].outcome.why
    assert program.sweep().keys == ()
    program.world.credentials.clear()
    program.sweep()
    program.drain()
    assert program.world.records == {}


def test_removing_twice_does_no_harm() -> None:
    program = doomed()
    program.tell("x")
    program.tell("x")

    program.drain()

    assert program.world.namespaces == {}
    assert program.run("x").outcome == Done("nothing of this branch is left")


@pytest.mark.parametrize("unread", ["get namespace/feature-x", "list credentials of rg/id-0"])
def test_nothing_goes_while_something_was_not_read(unread: str) -> None:
    program = doomed()
    before = len(program.world.calls)
    program.world.before = failing(unread, Unreachable("connection reset"))

    report = program.run("x")

    assert isinstance(report.outcome, Waiting)
    assert program.world.writes(since=before) == []


def test_a_namespace_goes_whose_cron_jobs_cannot_be_read_only_when_they_can() -> None:
    program = doomed()
    program.world.before = failing("list cron jobs of feature-x", Unreachable("connection reset"))

    assert isinstance(program.run("x").outcome, Waiting)
    assert program.namespace("x").terminating_since is None


def test_a_cron_job_that_was_suspended_before_is_left_alone() -> None:
    program = doomed()
    at = ("feature-x", ObjectRef("batch/v1", "CronJob", "nightly"))
    stored = program.world.objects[at]
    spec = {**stored.manifest["spec"], "suspend": True}
    program.world.objects[at] = replace(stored, manifest={**stored.manifest, "spec": spec})

    program.run("x")

    assert not [each for each in program.world.calls if each.startswith("suspend")]


def test_planning_from_the_achieved_state_is_empty() -> None:
    observed = sight(head=Absent(), records=noting(None), namespace=Absent(), credentials=Present(()))

    assert plan(observed, config=CONFIG, now=START).items == ()


def test_a_hold_outlives_the_environment_while_the_branch_lives_and_goes_with_it() -> None:
    program = Program()
    program.stand("x", overlay(config_map("settings-2")))
    program.ask("x", "hold")
    program.drain()
    assert program.world.namespaces == {}
    assert list(program.world.requests) == [CONFIG.key("x")]

    program.delete_branch("x")
    program.sweep()
    program.drain()

    assert program.world.requests == {}
