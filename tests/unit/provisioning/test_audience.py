"""A credential for another audience than that of the tokens lets nobody in, and counts as lacking."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coppice.components.federated_identity import AUDIENCE, Credential
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from tests.support.builders import credential_of
from tests.support.config import CONFIG
from tests.support.program import Program

WRONG = ("api://other",)


def wrong(**changes: Any) -> Credential:
    return credential_of("x", audiences=WRONG, **changes)


def swept(program: Program) -> Outcome:
    """How the last run after a sweep ended."""
    program.sweep()
    return program.drain()[-1].outcome


@pytest.mark.parametrize("name", ["coppice-x", "coppice-of-old"])
def test_the_sweep_finds_it_and_it_is_corrected_under_the_name_that_it_has(name: str) -> None:
    program = Program()
    program.world.identities["rg/id-0"] = "client-of-rg/id-0"
    program.world.add_credential(credential_of("x", name=name))
    program.stand("x")
    program.world.add_credential(wrong(name=name))

    assert isinstance(swept(program), Done)

    assert program.world.every_credential() == (credential_of("x", name=name),)
    assert program.sweep().keys == ()


def test_what_was_corrected_has_to_settle_like_a_new_one() -> None:
    program = Program(config=replace(CONFIG, settle=timedelta(seconds=30)))
    program.stand("x")
    (stands,) = program.world.every_credential()
    program.world.add_credential(replace(stands, audiences=WRONG))
    program.world.pass_time(minutes=5)
    swept(program)

    assert program.world.records["feature-x"].trusted_from == program.world.now
    program.push("x")
    assert isinstance(program.run("x").outcome, Waiting)


def test_one_that_somebody_else_has_made_stays_and_stops_the_branch_before_its_pods() -> None:
    program = Program()
    program.world.add_credential(wrong(name="terraform"))
    program.push("x")
    program.tell("x")

    outcome = program.drain()[-1].outcome

    assert isinstance(outcome, Stalled)
    assert outcome.code == "not_ours"
    assert f"credential/rg/id-0/terraform is for another audience than {AUDIENCE}" in outcome.why
    assert program.world.every_credential() == (wrong(name="terraform"),)
    assert program.world.objects_in("feature-x") == set()
    program.world.add_credential(credential_of("x", name="terraform"))
    assert isinstance(swept(program), Done)


@pytest.mark.parametrize("lost_record", [False, True])
def test_it_goes_with_its_branch(lost_record: bool) -> None:
    program = Program()
    program.stand("x")
    (stands,) = program.world.every_credential()
    program.world.add_credential(replace(stands, audiences=WRONG))
    if lost_record:
        program.world.records.clear()
    program.delete_branch("x")

    assert isinstance(swept(program), Done)

    assert (program.world.every_credential(), program.world.records) == ((), {})
