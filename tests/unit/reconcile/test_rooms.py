"""Tests of full identities: a branch that finds no free place waits for one.

An identity has at most twenty credentials, which includes those of others.
"""

import random
from dataclasses import replace

import pytest

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential
from coppice.environment.records import too_many
from coppice.reconciler.outcome import Waiting
from coppice.reconciler.report import Report
from tests.support.azure import ISSUER
from tests.support.config import CONFIG, namespace_of
from tests.support.program import Program
from tests.support.world import World, nothing
from tests.unit.reconcile.workers import Workers

FOREIGN = {"rg/id-0": 15, "rg/id-1": 5}
PLACES = 2 * MOST_CREDENTIALS - sum(FOREIGN.values())


def theirs(world: World, identity: str, *, places: int) -> None:
    """Fill an identity with credentials of others until this many places are taken."""
    for number in range(len(world.credentials.get(identity, {})), places):
        subject = f"system:serviceaccount:ci-{number}:runner"
        world.add_credential(
            Credential(identity=identity, name=f"ci-{number}", issuer=ISSUER, subject=subject)
        )


def crowded() -> Program:
    """Return a program whose pool has twenty free places."""
    program = Program()
    for identity, places in FOREIGN.items():
        theirs(program.world, identity, places=places)
    return program


def applied(program: Program, branch: str) -> bool:
    """Return whether a branch's overlay has been applied."""
    namespace = program.world.namespaces.get(namespace_of(branch))
    return namespace is not None and namespace.applied is not None


def work_side_by_side(program: Program, choice: random.Random, *, at_once: int) -> list[Report]:
    """Let workers with interleaved calls empty the queue. Time advances when no worker runs."""
    workers, reports, queue = Workers(program.world), list[Report](), program.queue

    def take() -> None:
        _, message = queue.pop(0)
        workers.start(message, lambda: reports.append(program.work(message)))

    while queue or workers.running:
        queue.sort()
        if queue and queue[0][0] <= program.world.now and len(workers.running) < at_once:
            take()
        elif workers.running:
            workers.go_on(choice.choice(workers.running))
        else:
            program.world.now = queue[0][0]
            program.world.settle()
    return reports


def test_of_one_branch_more_than_there_are_places_all_but_one_stand_and_it_comes_up_when_one_goes() -> None:
    program = crowded()
    branches = [f"b-{number}" for number in range(PLACES + 1)]
    for branch in branches:
        program.push(branch)
        program.tell(branch)

    reports = work_side_by_side(program, random.Random(1), at_once=6)

    up = [each for each in branches if applied(program, each)]
    [waiting] = set(branches) - set(up)
    assert {len(each) for each in program.world.credentials.values()} == {MOST_CREDENTIALS}
    [*_, last] = [each for each in reports if each.key["branch"] == waiting]
    assert isinstance(last.outcome, Waiting)
    assert last.outcome.code == "no_room"
    assert "(rg/id-0 has 0 left; rg/id-1 has 0 left)" in last.outcome.why

    program.delete_branch(up[0])
    program.tell(up[0])
    program.drain()
    program.sweep()
    program.drain()

    assert program.namespace(waiting).applied
    ours = [each for each in program.world.every_credential() if each.name.startswith("coppice-")]
    assert len(ours) == PLACES
    assert {
        identity: sum("ci-" in name for name in named)
        for identity, named in program.world.credentials.items()
    } == FOREIGN


@pytest.mark.parametrize("seed", range(6))
def test_workers_that_come_at_the_same_time_make_no_more_environments_than_may_stand(seed: int) -> None:
    program = Program(config=replace(CONFIG, most=3))
    for branch in range(12):
        program.push(f"b-{branch}")
        program.tell(f"b-{branch}")
    most = 0

    def count(_: str) -> None:
        nonlocal most
        most = max(most, len([each for each in program.world.records.values() if each.identities]))

    program.world.after = count
    work_side_by_side(program, random.Random(seed), at_once=12)

    assert most == 3
    assert len(program.world.namespaces) == 3


def test_whoever_finds_the_last_place_taken_waits_with_the_numbers() -> None:
    program = Program(config=replace(CONFIG, most=1))
    program.push("x")
    program.push("y")

    def another_is_faster(what: str) -> None:
        if what == "take environments":
            program.world.before = nothing
            program.run("y")

    program.world.before = another_is_faster
    outcome = program.run("x").outcome

    assert outcome.code == "no_room"
    assert outcome.why == too_many(1, 1)
    assert set(program.world.namespaces) == {namespace_of("y")}


def test_the_identity_with_the_most_room_is_taken_those_of_others_counted() -> None:
    program = crowded()
    program.stand("x")
    assert program.world.records[namespace_of("x")].identities == {"": "rg/id-1"}


def test_whoever_loses_the_race_for_the_last_place_takes_the_next_identity_in_the_same_run() -> None:
    program = Program()
    program.push("x")

    def taken_by_others(what: str) -> None:
        if what == "create credential/rg/id-0/coppice-x":
            theirs(program.world, "rg/id-0", places=MOST_CREDENTIALS)

    program.world.before = taken_by_others
    report = program.run("x")

    assert "create credential/rg/id-1/coppice-x" in map(str, report.results)
    assert program.world.records[namespace_of("x")].identities == {"": "rg/id-1"}
    assert program.namespace("x").annotations["coppice.dev/identity"] == "rg/id-1"


def test_whoever_loses_the_race_for_the_very_last_place_waits_with_the_numbers() -> None:
    program = Program()
    theirs(program.world, "rg/id-1", places=MOST_CREDENTIALS)
    program.push("x")

    def taken_by_others(what: str) -> None:
        if what == "create credential/rg/id-0/coppice-x":
            theirs(program.world, "rg/id-0", places=MOST_CREDENTIALS)

    program.world.before = taken_by_others
    report = program.run("x")

    assert isinstance(report.outcome, Waiting)
    assert report.outcome.code == "no_room"
    assert "(rg/id-0 has 0 left; rg/id-1 has 0 left)" in report.outcome.why


def test_a_new_branch_lists_each_identity_once_and_asks_for_one_client_id() -> None:
    program = Program()
    program.push("x")
    program.run("x")

    calls = program.world.calls
    before = calls[: calls.index("create credential/rg/id-0/coppice-x")]
    assert sum(each.startswith("list credentials") for each in before) == len(program.world.identities)
    assert "get identity/rg/id-1" not in calls


def test_an_identity_that_holds_one_of_two_credentials_and_is_full_is_left_for_another() -> None:
    program = Program(config=replace(CONFIG, accounts={"postgres-service-account": "", "jobs": ""}))
    program.push("x")

    def taken_by_others(what: str) -> None:
        if what.startswith("create credential/rg/id-0/coppice-x-jobs"):
            theirs(program.world, "rg/id-0", places=MOST_CREDENTIALS)

    program.world.before = taken_by_others
    program.run("x")
    program.world.before = nothing
    program.tell("x")
    program.drain()

    assert program.world.records[namespace_of("x")].identities == {"": "rg/id-1"}
    ours = [each for each in program.world.every_credential() if each.namespace == "feature-x"]
    assert {each.identity for each in ours} == {"rg/id-1"}
    assert len(ours) == len(program.config.accounts)
