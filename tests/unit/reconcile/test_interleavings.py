"""Tests events in the middle of a run. Each event is tried before every call that the run makes."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential
from coppice.reconciler.outcome import Waiting
from tests.support.azure import ISSUER
from tests.support.config import namespace_of
from tests.support.manifests import config_map, overlay
from tests.support.program import Program
from tests.support.snapshot import snapshot
from tests.unit.reconcile.workers import Workers


def at_every_call(prepare: Callable[[], Program], event: Callable[[Program], object]) -> Iterator[Program]:
    """Yield programs after their runs, with the event before the first call, the second, and so on."""
    program = prepare()
    start = len(program.world.calls)
    program.drain()
    for number in range(len(program.world.calls) - start):
        disturbed = prepare()
        last = start + number

        def before(_: str, disturbed: Program = disturbed, last: int = last) -> None:
            if len(disturbed.world.calls) > last:
                disturbed.world.before = lambda _: None
                event(disturbed)

        disturbed.world.before = before
        disturbed.drain()
        yield disturbed


def coming() -> Program:
    program = Program()
    program.push("x", overlay(config_map("first")))
    program.tell("x")
    return program


def going() -> Program:
    program = Program()
    program.stand("x")
    program.delete_branch("x")
    program.tell("x")
    return program


def push_again(program: Program) -> None:
    """Push branch `x` again, and queue its key as the webhook does."""
    program.push("x", overlay(config_map("second")))
    program.tell("x")


def second_stands() -> Program:
    """Return the program after two pushes of branch `x`."""
    program = Program()
    program.push("x", overlay(config_map("first")))
    program.stand("x", overlay(config_map("second")))
    return program


def test_a_branch_deleted_while_it_is_being_created_leaves_nothing_behind() -> None:
    def event(program: Program) -> None:
        program.delete_branch("x")
        program.tell("x")

    empty = snapshot(Program().world)
    for program in at_every_call(coming, event):
        assert snapshot(program.world) | {"credentials": set()} == empty
        assert program.world.every_credential() == ()


def test_a_branch_deleted_while_it_is_being_created_leaves_nothing_behind_even_if_nobody_says_so() -> None:
    empty = snapshot(Program().world)
    for program in at_every_call(coming, lambda program: program.delete_branch("x")):
        program.sweep()
        program.drain()
        assert snapshot(program.world) == empty


def test_of_two_pushes_within_a_second_the_second_stands_once() -> None:
    stands = snapshot(second_stands().world)
    for program in at_every_call(coming, push_again):
        assert snapshot(program.world) == stands


def test_a_second_worker_with_the_same_key_makes_nothing_twice() -> None:
    alone = coming()
    alone.drain()

    for program in at_every_call(coming, lambda program: program.run("x")):
        assert snapshot(program.world) == snapshot(alone.world)


def test_a_branch_created_again_while_it_is_being_removed_stands_whole() -> None:
    again = Program()
    again.push("x")
    again.stand("x")

    def event(program: Program) -> None:
        program.push("x")
        program.tell("x")

    for program in at_every_call(going, event):
        program.sweep()
        program.drain()
        assert snapshot(program.world) == snapshot(again.world)


def test_a_namespace_made_anew_under_the_same_name_survives_the_removal_of_the_former() -> None:
    """The delete sends the uid that was read as a precondition."""

    def event(program: Program) -> None:
        program.world.remove_namespace(namespace_of("x"))
        program.world.add_namespace(namespace_of("x"), labels={"team": "blue"})

    for program in at_every_call(going, event):
        assert program.namespace("x").terminating_since is None


def test_whoever_takes_the_last_room_of_an_identity_sends_the_other_to_the_next_one() -> None:
    def event(program: Program) -> None:
        named = program.world.credentials.setdefault("rg/id-0", {})
        for number in range(MOST_CREDENTIALS - len(named)):
            subject = f"system:serviceaccount:ci-{number}:runner"
            program.world.add_credential(
                Credential(identity="rg/id-0", name=f"ci-{number}", issuer=ISSUER, subject=subject)
            )

    for program in at_every_call(coming, event):
        program.sweep()
        program.drain()
        ours = [each for each in program.world.every_credential() if each.name == "coppice-x"]
        assert len(ours) == 1
        record = program.world.records[namespace_of("x")]
        assert record.identities == {"": ours[0].identity}
        account = next(
            each.manifest for (_, ref), each in program.world.objects.items() if ref.kind == "ServiceAccount"
        )
        client = program.world.identities[ours[0].identity]
        assert account["metadata"]["annotations"]["azure.workload.identity/client-id"] == client


@pytest.mark.parametrize("last", ["create namespace/feature-x", "apply feature-x/Deployment/web"])
def test_whoever_has_lost_its_lease_writes_nothing_more(last: str) -> None:
    program = coming()

    def lose(what: str) -> None:
        if what == last:
            held = program.world.leases["branch/feature-x"]
            program.world.leases["branch/feature-x"] = replace(held, holder="someone else")
            program.world.pass_time(minutes=2)

    program.world.before = lose
    report = program.run("x")

    assert program.world.writes()[-1] == last
    assert isinstance(report.outcome, Waiting)


def standing_still(prepare: Callable[[], Program], event: Callable[[Program], object]) -> Iterator[Program]:
    """Yield programs in which a worker paused for minutes before its first call, its second, and so on.

    During the pause the event happens, and other workers process it to the end.
    """
    for number in range(1000):
        program = prepare()
        workers = Workers(program.world)
        _, message = program.queue.pop(0)
        slow = workers.start(message, partial(program.work, message))
        for _ in range(number):
            if not slow.ended:
                workers.go_on(slow)
        workers.let_writes_through()
        if slow.ended:
            return
        event(program)
        program.world.pass_time(minutes=2)
        program.drain()
        workers.finish(random.Random(0))
        program.drain()
        program.sweep()
        program.drain()
        yield program


def test_whoever_stood_still_until_its_lease_was_taken_undoes_nothing_that_was_done_since() -> None:
    stands = snapshot(second_stands().world)
    for program in standing_still(coming, push_again):
        assert snapshot(program.world) == stands


def test_whoever_stood_still_while_its_branch_was_deleted_leaves_nothing_behind() -> None:
    empty = snapshot(Program().world)

    def event(program: Program) -> None:
        program.delete_branch("x")
        program.tell("x")

    for program in standing_still(coming, event):
        assert snapshot(program.world) == empty


def test_whoever_stood_still_while_its_branch_was_made_again_takes_nothing_away() -> None:
    again = Program()
    again.push("x")
    again.stand("x")

    def event(program: Program) -> None:
        program.push("x")
        program.tell("x")

    for program in standing_still(going, event):
        assert snapshot(program.world) == snapshot(again.world)
