"""Tests that no application waits for shared monitoring. An error there is reported, and retried."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from coppice.components.monitoring.shared import JOBS_KEY
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Failure, Forbidden, Unreachable
from coppice.reconciler.outcome import Done, Outcome, Stalled
from tests.support.config import namespace_of
from tests.support.manifests import overlay
from tests.support.monitoring import keep, older_kind
from tests.support.program import Program
from tests.support.world import nothing


def monitored(branch: str = "x", job: str = "pods") -> tuple[dict[str, Any], ...]:
    """Return an overlay of the older kind, with a part for kube-system."""
    return (*overlay(), *older_kind(namespace_of(branch), job))


def kept() -> Program:
    """Return a program whose world has the platform team's two ConfigMaps."""
    program = Program()
    keep(program.world)
    return program


def jobs(program: Program) -> set[str]:
    text = program.world.shared[SharedName.JOBS].data[JOBS_KEY]
    return {each["job_name"] for each in yaml.safe_load(text)["scrape_configs"]}


def failing(part: str, failure: Failure) -> Callable[[str], None]:
    def before(what: str) -> None:
        if part in what:
            raise failure

    return before


def settled(program: Program, branch: str = "x") -> Outcome:
    """Process a branch's key until nothing is requeued, and return the outcome of the last run."""
    program.tell(branch)
    return program.drain()[-1].outcome


def applied(program: Program, since: int) -> list[str]:
    return [each for each in program.world.writes(since=since) if each.startswith("apply feature-x/")]


def take_away(program: Program) -> None:
    program.world.shared.clear()


def spoil(program: Program) -> None:
    config = program.world.shared[SharedName.JOBS]
    program.world.shared[SharedName.JOBS] = replace(
        config, data={JOBS_KEY: config.data[JOBS_KEY] + "half: [\n"}
    )


def take_the_line_out(program: Program) -> None:
    config = program.world.shared[SharedName.SETTINGS]
    program.world.shared[SharedName.SETTINGS] = replace(
        config, data={"pod-annotation-based-scraping": "# nothing\n"}
    )


ODD: dict[str, tuple[Callable[[Program], None], str]] = {
    "missing": (take_away, "not_set_up"),
    "no YAML": (spoil, "monitoring"),
    "without its line": (take_the_line_out, "monitoring"),
}


@pytest.mark.parametrize(("make_odd", "code"), ODD.values(), ids=ODD)
def test_an_environment_comes_up_and_is_told_to_be_without_its_part(
    make_odd: Callable[[Program], None], code: str
) -> None:
    program = kept()
    make_odd(program)
    program.push("x", monitored())

    outcome = settled(program)

    assert isinstance(outcome, Stalled)
    assert outcome.code == code
    assert "all else goes on without it" in outcome.why
    assert "ama-metrics" in outcome.why
    noted = program.namespace("x").applied
    assert noted is not None
    assert noted.result == "Ready"


@pytest.mark.parametrize(("make_odd", "code"), ODD.values(), ids=ODD)
def test_the_first_sweep_after_it_was_mended_puts_the_part_in_and_applies_nothing_anew(
    make_odd: Callable[[Program], None], code: str
) -> None:
    del code
    program = kept()
    make_odd(program)
    program.push("x", monitored())
    settled(program)
    before = len(program.world.calls)
    assert program.sweep().keys, "it is tried again"
    program.drain()
    keep(program.world)

    program.sweep()
    program.drain()

    assert jobs(program) == {"production", "x-pods"}
    assert applied(program, before) == []
    assert program.sweep().keys == ()


@pytest.mark.parametrize("failure", [Forbidden("may not"), Unreachable("reset")])
@pytest.mark.parametrize("call", ["get shared monitoring", "replace ConfigMap/kube-system"])
def test_a_push_is_applied_while_monitoring_cannot_be_read_or_written(call: str, failure: Failure) -> None:
    program = kept()
    program.stand("x", monitored())
    commit = program.push("x", monitored(job="other"))
    program.world.before = failing(call, failure)

    outcome = settled(program)
    program.sweep()
    program.drain()

    noted = program.namespace("x").applied
    assert noted is not None
    assert (noted.revision, noted.result) == (commit, "Ready")
    assert not isinstance(outcome, Done)
    assert failure.message in outcome.why

    program.world.before = nothing
    program.sweep()
    program.drain()

    assert jobs(program) == {"production", "x-other"}
    assert program.sweep().keys == ()


def test_a_part_that_leaves_the_overlay_and_cannot_be_taken_out_is_taken_out_later() -> None:
    program = kept()
    program.stand("x", monitored())
    whole = dict(program.world.shared)
    spoil(program)
    program.push("x", overlay())

    assert isinstance(settled(program), Stalled)
    assert program.world.records["feature-x"].monitored != ()

    program.world.shared.update(whole)
    program.sweep()
    program.drain()

    assert jobs(program) == {"production"}
    assert program.world.records["feature-x"].monitored == ()
    assert program.sweep().keys == ()


def test_a_part_that_was_lost_comes_back_without_its_application_being_touched() -> None:
    program = kept()
    program.stand("x", monitored())
    keep(program.world)
    before = len(program.world.calls)

    program.sweep()
    program.drain()

    assert jobs(program) == {"production", "x-pods"}
    assert applied(program, before) == []


def test_what_else_was_lost_is_mended_while_the_overlay_cannot_be_fetched_for_the_part() -> None:
    program = kept()
    program.stand("x", monitored())
    keep(program.world)
    for named in program.world.credentials.values():
        named.clear()
    program.world.before = failing("fetch ", Unreachable("GitHub is away"))

    report = program.run("x")

    assert len(program.world.every_credential()) == 1
    assert "GitHub is away" in report.outcome.why


def test_who_has_no_part_is_removed_by_a_sweep_that_cannot_read_it() -> None:
    program = kept()
    program.stand("x", monitored())
    program.stand("y")
    for branch in ("x", "y"):
        program.delete_branch(branch)
    program.world.before = failing("get shared monitoring", Forbidden("may not read kube-system"))

    found = program.sweep()
    program.drain()

    assert found.unread == ("may not read kube-system",)
    assert set(program.world.namespaces) == {namespace_of("x")}


def test_nothing_is_left_to_do_after_an_environment_has_come_up_with_its_part() -> None:
    program = kept()
    program.stand("x", monitored())
    record = program.world.records["feature-x"]

    assert (record.part_pending, set(record.monitored)) == (False, set(SharedName))
    assert program.sweep().keys == ()
