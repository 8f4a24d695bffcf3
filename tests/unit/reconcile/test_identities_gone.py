"""Tests of a deleted managed identity: no environment gets it, and those that had it get another one."""

from tests.support.config import namespace_of
from tests.support.program import Program


def without(program: Program, identity: str) -> None:
    """Delete an identity together with all its credentials, as Azure does."""
    del program.world.identities[identity]
    program.world.credentials.pop(identity, None)


def test_no_new_branch_is_drawn_to_it() -> None:
    program = Program()
    without(program, "rg/id-0")

    for branch in ("a", "b", "c"):
        program.stand(branch)

    assert {each.identities[""] for each in program.world.records.values()} == {"rg/id-1"}


def test_one_sweep_moves_the_environments_that_stood_on_it() -> None:
    program = Program()
    for branch in ("x", "y"):
        program.stand(branch)
    moved = program.world.records[namespace_of("x")].identities[""]
    without(program, moved)

    found = program.sweep()
    program.drain()

    assert [each.key.branch for each in found.make] == ["x"]
    assert found.make[0].why == f"its identity {moved} does not exist any more"
    record = program.world.records[namespace_of("x")]
    assert set(record.identities.values()).isdisjoint({moved})
    assert {each.identity for each in record.credentials} == set(record.identities.values())
    assert program.namespace("x").annotations["coppice.dev/identity"] == record.identities[""]
    assert program.sweep().keys == ()


def test_who_was_moved_is_told_that_its_pods_keep_the_client_id_they_were_started_with() -> None:
    program = Program()
    program.stand("x")
    moved = program.world.records[namespace_of("x")].identities[""]
    without(program, moved)

    program.tell("x")
    reports = program.drain()

    assert any(f"not {moved} any more" in each and "restart" in each for each in reports[0].remarks)


def test_when_all_are_gone_it_says_so_and_nothing_is_written() -> None:
    program = Program()
    program.push("x")
    for identity in ("rg/id-0", "rg/id-1"):
        without(program, identity)

    report = program.run("x")

    assert report.outcome.code == "no_room"
    assert "rg/id-0 does not exist" in report.outcome.why
    assert program.world.writes() == []


def test_an_environment_whose_identity_is_gone_can_be_removed() -> None:
    program = Program()
    program.stand("x")
    without(program, program.world.records[namespace_of("x")].identities[""])
    program.delete_branch("x")

    program.sweep()
    program.drain()

    assert program.world.namespaces == {}
    assert program.world.records == {}
