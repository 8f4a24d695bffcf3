"""Tests that an interrupted run converges.

Each story runs once without a disturbance. Then it runs once for every call that it makes, and that call goes
wrong.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Unreachable
from tests.support.azure import ISSUER
from tests.support.config import SERVER, namespace_of
from tests.support.manifests import config_map, cron_job, deployment, job, overlay, scaler
from tests.support.monitoring import keep, older_kind
from tests.support.program import Program
from tests.support.snapshot import snapshot
from tests.support.world import Crash

FIRST = overlay(
    config_map("old"), job(image="example/migrate:1"), cron_job(), *older_kind(namespace_of("x"), "first")
)
SECOND = overlay(
    config_map("new"),
    job(image="example/migrate:2"),
    scaler("ScaledObject", "web"),
    *older_kind(namespace_of("x"), "second"),
)


def neighbours() -> Program:
    """Return a program whose world also has another environment, and resources that are not Coppice's."""
    program = Program().with_rules(databases=SERVER, settle=timedelta(seconds=30))
    keep(program.world)
    program.stand("x-2")
    program.world.add_namespace("feature-xx", labels={"team": "blue"})
    program.world.add_credential(
        Credential(identity="rg/id-0", name="ci", issuer=ISSUER, subject="system:serviceaccount:ci:runner")
    )
    # Only one identity has room. A run that cannot read it waits, so all stories end with the same identity.
    for number in range(MOST_CREDENTIALS - len(program.world.credentials["rg/id-1"])):
        subject = f"system:serviceaccount:ci:runner-{number}"
        program.world.add_credential(
            Credential(identity="rg/id-1", name=f"ci-{number}", issuer=ISSUER, subject=subject)
        )
    return program


def created(program: Program) -> None:
    program.push("x", FIRST)


def pushed(program: Program) -> None:
    program.stand("x", FIRST)
    program.push("x", SECOND)


def deleted(program: Program) -> None:
    program.stand("x", FIRST)
    program.delete_branch("x")


def deleted_half_made(program: Program) -> None:
    program.push("x", FIRST)
    program.run("x")
    program.delete_branch("x")


def created_again(program: Program) -> None:
    deleted(program)
    program.run("x")
    program.push("x", SECOND)


def held(program: Program) -> None:
    program.stand("x", FIRST)
    program.ask("x", "hold")


def released(program: Program) -> None:
    held(program)
    program.drain()
    program.world.pass_time(minutes=1)
    program.ask("x", "apply")


def asleep(program: Program) -> None:
    program.stand("x", FIRST)
    program.world.pass_time(hours=2)
    program.world.night = program.world.now


def refused(program: Program) -> None:
    program.stand("x", FIRST)
    program.push("x", (deployment(), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}))


STORIES = [created, pushed, deleted, deleted_half_made, created_again, held, released, asleep, refused]
stories = pytest.mark.parametrize("story", STORIES, ids=lambda each: each.__name__)


@cache
def beginning(story: Callable[[Program], None]) -> Program:
    program = neighbours()
    story(program)
    program.queue.clear()
    program.tell("x")
    return program


def begin(story: Callable[[Program], None]) -> Program:
    return beginning(story).copy()


def undisturbed(story: Callable[[Program], None]) -> tuple[dict[str, Any], int]:
    """Run a story without a disturbance, and return the final snapshot and the number of calls."""
    program = begin(story)
    before = len(program.world.calls)
    program.drain()
    calls = len(program.world.calls) - before
    program.sweep()
    program.drain()
    return snapshot(program.world), calls


def wherever(stands: dict[str, Any]) -> dict[str, Any]:
    """Return the snapshot without the difference between the identities of the pool."""
    return {
        part: sorted(
            re.sub(r"rg/id-\d", "rg/id", repr(each))
            for each in (found.items() if isinstance(found, dict) else found)
        )
        for part, found in stands.items()
    }


@stories
def test_whatever_call_the_process_dies_before_a_sweep_brings_the_world_to_the_same_end(
    story: Callable[[Program], None],
) -> None:
    wanted, calls = undisturbed(story)
    for number in range(calls):
        program = begin(story)
        program.world.crash_at(number)
        with pytest.raises(Crash) as crash:
            program.drain()
        program.world.recover()
        program.queue.clear()

        program.sweep()
        program.drain()

        assert snapshot(program.world) == wanted, f"after a crash before {crash.value}"


@stories
@pytest.mark.parametrize("moment", ["before", "after"])
def test_whatever_call_fails_or_loses_its_answer_the_world_comes_to_the_same_end(
    story: Callable[[Program], None], moment: str
) -> None:
    wanted, calls = undisturbed(story)
    for number in range(calls):
        program = begin(story)
        last = len(program.world.calls) + number
        failed: list[str] = []

        def fail(what: str, program: Program = program, last: int = last, failed: list[str] = failed) -> None:
            if len(program.world.calls) > last and not failed:
                failed.append(what)
                raise Unreachable("connection reset")

        setattr(program.world, moment, fail)
        program.drain()
        setattr(program.world, moment, lambda _: None)
        program.world.pass_time(minutes=2)
        program.sweep()
        program.drain()

        ends = (snapshot(program.world), wanted)
        if failed and failed[0].startswith("list credentials of"):
            # An identity that cannot be read is not assigned. Any other identity of the pool is right.
            ends = (wherever(ends[0]), wherever(ends[1]))
        assert ends[0] == ends[1], f"after {failed}"


@stories
def test_planning_from_the_achieved_state_is_empty_and_writes_nothing(
    story: Callable[[Program], None],
) -> None:
    program = begin(story)
    program.drain()
    before = len(program.world.calls)

    report = program.run("x")

    assert program.world.writes(since=before) == []
    assert "take branch/feature-x" not in program.world.calls[before:]
    assert report.results == ()
    assert report.outcome.code == ("refused" if story is refused else "done")


@stories
def test_what_is_not_ours_is_never_written_to(story: Callable[[Program], None]) -> None:
    program = begin(story)
    before = len(program.world.calls)

    program.drain()

    ours = ("feature-x", "coppice-x", "request/x", "record/feature-x", "/feature_x", *SharedName)
    for call in program.world.writes(since=before):
        assert call.endswith(ours) or f" {namespace_of('x')}/" in call, call
