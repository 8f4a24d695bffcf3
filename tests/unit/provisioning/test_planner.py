"""What is planned for an overlay that is due, told through whole runs: the plan is what the calls show."""

from coppice.components.application import Apply
from coppice.components.federated_identity import CreateCredential
from coppice.components.namespace import Annotate, CreateNamespace
from coppice.environment.records import WriteRecord
from coppice.environment.references import ObjectRef
from coppice.lifecycle.decision import Ensure
from coppice.reconciler.outcome import Stalled, Waiting
from coppice.reconciler.plan import Wave
from provisioning.planner import plan
from tests.support.builders import COMMIT, sight
from tests.support.config import CONFIG
from tests.support.manifests import config_map, deployment, job, overlay, route
from tests.support.program import Program


def writes(program: Program, branch: str = "x") -> list[str]:
    """What the next run of a branch changes."""
    before = len(program.world.calls)
    program.run(branch)
    return program.world.writes(since=before)


def test_an_environment_is_made_in_the_order_that_a_crash_forgives() -> None:
    program = Program()
    program.push("x", overlay(config_map("more")))

    assert writes(program) == [
        "write record/feature-x",
        "create namespace/feature-x",
        "create credential/rg/id-0/coppice-x",
        "apply feature-x/ConfigMap/settings",
        "apply feature-x/ServiceAccount/postgres-service-account",
        "apply feature-x/ConfigMap/more",
        "apply feature-x/Deployment/web",
        "apply feature-x/HTTPRoute/web",
        "annotate namespace/feature-x",
    ]


def test_the_plan_is_data_that_shows_every_object_before_anything_is_written() -> None:
    program = Program()
    program.push("x")

    _, verdict, planned = program.reconciler.explain(CONFIG.key("x"))

    assert isinstance(verdict, Ensure)
    assert all(isinstance(item, Wave) for item in planned.items)
    assert {type(change) for change in planned.changes} == {
        WriteRecord,
        CreateNamespace,
        CreateCredential,
        Apply,
        Annotate,
    }
    assert program.world.writes() == []


def test_planning_from_the_achieved_state_is_empty() -> None:
    assert plan(sight(), Ensure(COMMIT), config=CONFIG, now=Program().world.now).items == ()


def test_a_job_whose_template_has_changed_is_deleted_and_created_anew() -> None:
    program = Program()
    program.stand("x", overlay(job(image="example/migrate:1")))
    program.push("x", overlay(job(image="example/migrate:2")))

    changed = writes(program)

    assert changed.index("delete feature-x/Job/migrate") < changed.index("apply feature-x/Job/migrate")


def test_a_job_that_is_as_it_was_does_not_run_again() -> None:
    program = Program()
    program.stand("x", overlay(job()))
    program.push("x", overlay(job(), config_map("new")))

    assert "delete feature-x/Job/migrate" not in writes(program)


def test_a_job_that_holds_data_is_never_deleted() -> None:
    program = Program()
    program.stand("x", overlay(job(image="example/load:1", claim="data")))
    program.push("x", overlay(job(image="example/load:2", claim="data")))

    report = program.run("x")

    assert not [each for each in program.world.writes() if each.startswith("delete")]
    assert isinstance(report.outcome, Stalled)
    assert "immutable" in report.outcome.why


def test_a_job_that_someone_else_made_is_not_deleted_to_be_created_anew() -> None:
    program = Program()
    program.stand("x", overlay(job("other", image="example/migrate:1")))
    program.world.objects["feature-x", ObjectRef("batch/v1", "Job", "migrate")] = program.world.objects[
        "feature-x", ObjectRef("batch/v1", "Job", "other")
    ]
    program.push(
        "x", overlay(job("other", image="example/migrate:1"), job("migrate", image="example/migrate:2"))
    )

    report = program.run("x")

    assert "delete feature-x/Job/migrate" not in program.world.writes()
    assert isinstance(report.outcome, Stalled)


def test_a_branch_without_a_route_has_no_url() -> None:
    program = Program()
    program.stand("x", (deployment(),))
    applied = program.namespace("x").applied

    assert applied is not None
    assert applied.url == ""


def test_a_namespace_that_is_still_going_is_waited_for() -> None:
    program = Program()
    program.stand("x")
    program.delete_branch("x")
    program.run("x")
    program.push("x", overlay(route()))

    report = program.run("x")

    assert report.outcome == Waiting("namespace/feature-x is still going", "terminating", 10)
