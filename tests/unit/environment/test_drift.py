from collections.abc import Callable
from dataclasses import replace

import pytest

from coppice.components.federated_identity import Credential
from coppice.environment.key import Key
from coppice.reconciler.errors import Failure, Forbidden, Rejected, Unreachable
from tests.support.azure import ISSUER
from tests.support.config import key, namespace_of
from tests.support.program import Program
from tests.support.snapshot import snapshot

GONE = [f"gone-{number}" for number in range(6)]


def standing(*branches: str) -> Program:
    program = Program()
    for branch in branches:
        program.stand(branch)
    return program


def failing(what: str, failure: Failure) -> Callable[[str], None]:
    def before(call: str) -> None:
        if call == what:
            raise failure

    return before


def branches_of(keys: tuple[Key, ...]) -> set[str]:
    return {each.branch for each in keys}


def test_a_sweep_over_a_world_that_is_well_finds_nothing_and_writes_nothing() -> None:
    program = standing("x", "y")
    before = len(program.world.calls)

    found = program.sweep()

    assert (found.keys, found.stopped, found.unread) == ((), "", ())
    assert program.world.writes(since=before) == []


def test_a_sweep_finds_what_is_missing_behind_due_and_left_over() -> None:
    program = standing("behind", "gone", "old")
    program.world.pass_time(hours=23)
    program.with_rules().ask("behind", "apply")
    program.push("behind")
    program.queue.clear()
    program.push("missing")
    program.delete_branch("gone")
    program.world.pass_time(hours=2)

    found = program.sweep()

    assert branches_of(tuple(each.key for each in found.make)) == {"behind", "missing", "old"}
    assert branches_of(tuple(each.key for each in found.remove)) == {"gone"}
    why = {each.key.branch: each.why for each in (*found.make, *found.remove)}
    assert why["missing"] == "the environment does not stand"
    assert "last applied" in why["old"]
    assert why["gone"] == "the branch does not exist"


READS = [
    "read repository",
    "list branches",
    "list namespaces",
    "list books",
    "read issuer",
]


@pytest.mark.parametrize("call", READS)
def test_an_error_while_listing_stops_every_removal(call: str) -> None:
    program = standing("x", "gone")
    program.delete_branch("gone")
    program.world.before = failing(call, Unreachable(f"reset at {call}"))

    found = program.sweep()

    assert "gone" not in branches_of(found.keys)
    assert found.unread == (f"reset at {call}",)


def test_an_empty_list_of_branches_is_no_reason_to_remove_anything() -> None:
    program = standing(*GONE)
    program.world.heads.clear()

    found = program.sweep(most_deletions=100)

    assert found.keys == ()
    assert "listed no branch" in found.unread[0]


def test_a_record_that_cannot_be_read_leaves_its_own_branch_alone_and_no_other() -> None:
    program = standing("gone", "broken")
    program.delete_branch("gone")
    program.delete_branch("broken")
    program.push("new")
    program.world.unparseable["broken"] = Rejected("ConfigMap coppice-system/record-feature-broken: mend it")

    found = program.sweep()

    assert branches_of(found.keys) == {"new", "gone"}
    assert "record-feature-broken" in found.unread[0]


def test_an_identity_that_cannot_be_read_leaves_those_alone_that_stand_on_it_and_no_other() -> None:
    program = standing("on-first", "on-second")
    records = [program.world.records[namespace_of(each)] for each in ("on-first", "on-second")]
    unread, other = (each.identities[""] for each in records)
    program.delete_branch("on-first")
    program.delete_branch("on-second")
    program.push("new")
    program.world.before = failing(f"list credentials of {unread}", Forbidden("no role on it"))

    found = program.sweep()
    program.drain()

    assert found.unread == ("no role on it",)
    assert set(program.world.namespaces) == {namespace_of("on-first"), namespace_of("new")}
    assert program.world.records[namespace_of("new")].identities == {"": other}


def test_a_push_to_an_environment_whose_identity_cannot_be_read_waits_and_no_other_does() -> None:
    program = standing("on-first", "on-second")
    [unread] = program.world.records[namespace_of("on-first")].identities.values()
    for branch in ("on-first", "on-second"):
        program.push(branch)
    program.world.before = failing(f"list credentials of {unread}", Unreachable("reset"))

    codes = [program.run(branch).outcome.code for branch in ("on-first", "on-second")]

    assert codes == ["unknown", "rollout"]


def test_one_bad_branch_stops_no_other() -> None:
    program = standing("x")
    program.world.unparseable["bad"] = Rejected("ConfigMap coppice-system/record-feature-bad: mend it")
    program.push("bad")
    program.push("x")
    program.push("y")

    program.sweep()
    program.drain()

    assert set(program.world.namespaces) == {namespace_of("x"), namespace_of("y")}


def test_more_removals_than_anyone_expects_stop_and_ask() -> None:
    program = standing(*GONE)
    for branch in GONE:
        program.delete_branch(branch)

    found = program.sweep(most_deletions=5)

    assert found.keys == ()
    assert "6 removals are more than SWEEP_MAX_DELETIONS (5)" in found.stopped
    assert program.sweep(most_deletions=6).stopped == ""


def test_a_confirmed_digest_lets_that_very_plan_through_and_no_other() -> None:
    program = standing(*GONE, "later")
    for branch in GONE:
        program.delete_branch(branch)
    digest = program.sweep().digest

    assert branches_of(program.sweep(confirmed=digest).keys) == set(GONE)

    program.delete_branch("later")
    assert program.sweep(confirmed=digest).keys == ()
    assert program.sweep(confirmed=program.sweep().digest).stopped == ""


def test_a_confirmed_digest_does_not_outweigh_what_could_not_be_read() -> None:
    program = standing(*GONE)
    for branch in GONE:
        program.delete_branch(branch)
    digest = program.sweep().digest
    program.queue.clear()
    program.world.before = failing("list namespaces", Unreachable("reset"))

    assert program.sweep(confirmed=digest).keys == ()


def test_removals_that_have_begun_do_not_count_as_unexpected() -> None:
    program = standing(*GONE)
    for branch in GONE:
        program.delete_branch(branch)
    confirmed = program.sweep(confirmed=program.sweep().digest)
    for each in confirmed.remove:
        program.run(each.key.branch)
    program.queue.clear()

    assert program.sweep(most_deletions=0).stopped == ""


LOSSES: dict[str, Callable[[Program], object]] = {
    "its namespace": lambda program: program.world.remove_namespace(namespace_of("x")),
    "its credential": lambda program: program.world.credentials["rg/id-0"].clear(),
    "its record": lambda program: program.world.records.clear(),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_one_sweep_brings_back_an_environment_that_has_lost(lose: Callable[[Program], object]) -> None:
    program = standing("x")
    before = snapshot(program.world)
    lose(program)

    program.sweep()
    program.drain()

    assert snapshot(program.world) == before


def test_a_credential_whose_namespace_and_record_are_gone_is_found_and_goes() -> None:
    program = standing("x")
    program.world.remove_namespace(namespace_of("x"))
    program.world.records.clear()
    program.delete_branch("x")

    program.sweep()
    program.drain()

    assert program.world.every_credential() == ()


def test_a_namespace_of_which_nothing_else_is_left_is_found_and_goes() -> None:
    program = standing("Feature/X")
    program.world.records.clear()
    program.world.credentials.clear()
    program.delete_branch("Feature/X")

    program.sweep()
    program.drain()

    assert program.world.namespaces == {}


def test_a_credential_that_no_branch_can_be_found_for_is_named_and_stays() -> None:
    """Its slug ends in a hash, so nothing tells the branch it was made for."""
    program = Program()
    slug = program.config.name("Feature/Ä").slug
    subject = f"system:serviceaccount:feature-{slug}:postgres-service-account"
    orphan = Credential(identity="rg/id-1", name=f"coppice-{slug}", issuer=ISSUER, subject=subject)
    program.world.add_credential(orphan)

    _, orphans = program.reconciler.sweep(most_deletions=5)

    assert len(orphans) == 1
    assert str(orphan) in orphans[0]
    assert program.world.every_credential() == (orphan,)


def test_credentials_of_others_are_no_orphans() -> None:
    program = Program()
    theirs = Credential(
        identity="rg/id-0", name="terraform", issuer=ISSUER, subject="system:serviceaccount:feature-q:z"
    )
    program.world.add_credential(theirs)
    program.world.add_credential(replace(theirs, name="coppice-q", issuer="https://oidc.example/other/"))

    assert program.reconciler.sweep(most_deletions=5)[1] == ()


def test_a_branch_that_was_renamed_is_removed_under_its_former_name_and_made_under_its_new_one() -> None:
    program = standing("old-name")
    program.world.heads["new-name"] = program.world.heads.pop("old-name")

    program.sweep()
    program.drain()

    assert set(program.world.namespaces) == {namespace_of("new-name")}
    assert {each.key for each in program.world.records.values()} == {key("new-name")}
