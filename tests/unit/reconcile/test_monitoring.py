"""Tests of overlays with a part in the shared monitoring ConfigMaps. No other part is lost."""

import random
from typing import Any

import yaml

from coppice.components.monitoring.shared import JOBS_KEY, SharedConfig
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Forbidden
from coppice.reconciler.outcome import Done, Stalled
from tests.support.config import namespace_of
from tests.support.manifests import overlay
from tests.support.monitoring import PATTERN, PRODUCTION, for_kube_system, keep, older_kind
from tests.support.program import Program


def shared(program: Program) -> Program:
    """Return the program after adding the platform team's two ConfigMaps to its world."""
    keep(program.world)
    return program


def with_part(branch: str, job: str = "pods") -> tuple[dict[str, Any], ...]:
    """Return an overlay of the older kind, with a part for kube-system."""
    return (*overlay(), *older_kind(namespace_of(branch), job))


def texts(program: Program) -> tuple[str, str]:
    jobs, settings = program.world.shared[SharedName.JOBS], program.world.shared[SharedName.SETTINGS]
    return jobs.data[JOBS_KEY], settings.data["pod-annotation-based-scraping"]


def jobs(program: Program) -> set[str]:
    return {each["job_name"] for each in yaml.safe_load(texts(program)[0])["scrape_configs"]}


def test_branches_have_their_jobs_side_by_side_and_production_keeps_its_own() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.stand("y", with_part("y"))

    assert jobs(program) == {"production", "x-pods", "y-pods"}
    assert "feature-x" in texts(program)[1]
    assert "feature-y" in texts(program)[1]
    assert "# of the platform team" in texts(program)[0]


def test_a_branch_that_goes_takes_just_its_own_part_out() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.stand("y", with_part("y"))
    program.delete_branch("x")
    program.tell("x")

    reports = program.drain()

    assert jobs(program) == {"production", "y-pods"}
    receipt = reports[-1].facts["receipt"]
    assert isinstance(receipt, dict)
    assert receipt["monitoring/x"] == "deleted"


def test_when_the_last_has_gone_what_was_there_before_is_there_to_the_byte() -> None:
    program = shared(Program())
    for branch in ("x", "y"):
        program.stand(branch, with_part(branch))
    for branch in ("x", "y"):
        program.delete_branch(branch)
        program.tell(branch)
    program.drain()

    assert texts(program) == (PRODUCTION, PATTERN)


def test_an_overlay_that_has_no_part_any_more_loses_it() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))

    program.stand("x")

    assert texts(program) == (PRODUCTION, PATTERN)


def test_a_part_that_changes_replaces_the_former_one() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))

    program.stand("x", with_part("x", job="other"))

    assert jobs(program) == {"production", "x-other"}


def test_a_branch_without_such_a_part_never_looks_at_kube_system() -> None:
    program = shared(Program())
    program.stand("x")

    assert not [call for call in program.world.calls if "shared" in call]


def test_a_part_of_a_branch_of_which_nothing_else_is_left_is_found_by_the_sweep() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.delete_branch("x")
    program.world.records.clear()
    program.world.credentials.clear()
    program.world.remove_namespace("feature-x")

    program.sweep()
    program.drain()

    assert texts(program) == (PRODUCTION, PATTERN)


def test_a_write_of_somebody_else_in_between_is_never_lost() -> None:
    program = shared(Program())
    program.push("x", with_part("x"))

    def somebody_writes(what: str) -> None:
        if what.startswith("replace"):
            program.world.before = lambda _: None
            program.world.shared[SharedName.JOBS] = SharedConfig(
                name=SharedName.JOBS,
                version=program.world.number(),
                data={JOBS_KEY: PRODUCTION.replace("project", "projects")},
            )

    program.world.before = somebody_writes
    program.tell("x")
    program.drain()

    assert jobs(program) == {"production", "x-pods"}
    assert "projects" in texts(program)[0]


def test_a_part_that_is_no_configuration_of_prometheus_is_refused() -> None:
    program = shared(Program())
    broken = for_kube_system("ama-metrics-prometheus-config", {JOBS_KEY: "scrape_configs: {a: b}"})
    program.push("x", (*overlay(), broken))

    report = program.run("x")

    assert isinstance(report.outcome, Stalled)
    assert report.outcome.code == "refused"
    assert texts(program) == (PRODUCTION, PATTERN)


def test_a_removal_that_may_not_read_kube_system_is_not_called_done() -> None:
    program = shared(Program())
    program.stand("x", with_part("x"))
    program.delete_branch("x")

    def forbidden(what: str) -> None:
        if "shared" in what:
            raise Forbidden("cannot get configmaps in kube-system")

    program.world.before = forbidden
    report = program.run("x")

    assert not isinstance(report.outcome, Done)
    assert "feature-x" in program.world.namespaces


def test_any_order_of_coming_and_going_ends_with_the_living_ones_alone() -> None:
    program, order = shared(Program()), random.Random(7)
    for _ in range(30):
        branch = f"b{order.randrange(6)}"
        if branch in program.world.heads and order.random() < 0.5:
            program.delete_branch(branch)
        else:
            program.push(branch, with_part(branch, job=order.choice(["pods", "other"])))
        program.tell(branch)
        if order.random() < 0.5:
            program.drain()
    program.drain()

    living = {branch for branch in program.world.heads if branch != "main"}
    assert {job.partition("-")[0] for job in jobs(program)} == living | {"production"}
