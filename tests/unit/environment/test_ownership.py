import ast
from dataclasses import replace
from pathlib import Path

import pytest

from coppice.components.application import Live
from coppice.components.federated_identity import Credential
from coppice.components.namespace import BRANCH, MANAGED_BY, REPOSITORY, Annotate
from coppice.components.observed import Observed
from coppice.components.removal import (
    Delete,
    DeleteCredential,
    DeleteNamespace,
    DeleteObject,
    DeleteRecord,
    DeleteRequest,
    Remove,
)
from coppice.environment.references import ObjectRef
from coppice.lifecycle.decision import Skip, TearDown, decide
from coppice.lifecycle.ownership import enforce_ownership
from coppice.reconciler.controller import verdict
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Unknown
from coppice.reconciler.outcome import Done, Stalled
from coppice.reconciler.plan import Blocked, Plan, Wait, wave
from deprovisioning.planner import plan as removal
from tests.support.builders import (
    SETTINGS,
    applied,
    credential_of,
    namespace_for,
    noting,
    record_of,
    request_of,
    sight,
)
from tests.support.config import CONFIG, key
from tests.support.program import Program
from tests.support.world import START

ROOT = Path(__file__).parents[3]


def judged(observed: Observed, *subjects: object) -> Plan:
    return enforce_ownership(Plan(wave(*(Remove(subject=each) for each in subjects))), observed, CONFIG)


def live(ref: ObjectRef) -> Live:
    return Live(ref=ref, uid="uid-2", version="7")


def test_what_is_ours_goes_with_the_proof_of_what_was_read() -> None:
    request = request_of("x", "hold")
    subjects = (namespace_for("x"), credential_of("x"), live(SETTINGS), record_of("x"), request)

    plan = judged(sight(), *subjects)

    kinds = [DeleteNamespace, DeleteCredential, DeleteObject, DeleteRecord, DeleteRequest]
    assert [type(change) for change in plan.changes] == kinds
    assert [change.owned.subject for change in plan.changes if isinstance(change, Delete)] == list(subjects)
    assert plan.suppressed == ()


FOREIGN = {
    "bears no label of ours": (
        sight(namespace=Present(namespace_for("x", labels={}))),
        "does not bear our label",
    ),
    "is labelled as someone else's": (
        sight(namespace=Present(namespace_for("x", labels={MANAGED_BY: "Helm"}))),
        "does not bear our label",
    ),
    "names another branch": (
        sight(
            namespace=Present(namespace_for("x", annotations={REPOSITORY: "acme/todo", BRANCH: "feature/x"}))
        ),
        "belongs to branch 'feature/x' of acme/todo, so 'x' cannot have it",
    ),
    "names another repository": (
        sight(namespace=Present(namespace_for("x", annotations={REPOSITORY: "acme/blog", BRANCH: "x"}))),
        "belongs to branch 'x' of acme/blog",
    ),
    "names no branch": (sight(namespace=Present(namespace_for("x", annotations={}))), "names no branch"),
    "is protected": (sight("precious"), "is protected by 'feature-precious' in PROTECTED_NAMESPACES"),
    "is another branch's by its record": (
        sight(records=noting(record_of("x", key=key("feature/x")))),
        "belongs to branch 'feature/x'",
    ),
}


@pytest.mark.parametrize(("observed", "why"), FOREIGN.values(), ids=FOREIGN)
def test_nothing_goes_if_the_namespace(observed: Observed, why: str) -> None:
    plan = judged(observed, namespace_for("x"), credential_of("x"), live(SETTINGS), record_of("x"))

    assert plan.changes == ()
    assert [why in each.why for each in plan.suppressed] == [True] * 4
    assert isinstance(plan.barrier, Blocked)
    assert (plan.barrier.code, why in plan.barrier.why) == ("not_ours", True)


def test_nothing_goes_that_is_outside_the_prefix() -> None:
    observed = sight()
    outside = replace(observed, name=replace(observed.name, namespace="production"))

    plan = judged(outside, namespace_for("x", name="production"))

    assert plan.changes == ()
    assert "does not begin with feature-" in plan.suppressed[0].why


@pytest.mark.parametrize(("observed", "why"), FOREIGN.values(), ids=FOREIGN)
def test_where_there_is_nothing_to_do_the_environment_is_not_taken_for_ours(
    observed: Observed, why: str
) -> None:
    outcome = verdict(enforce_ownership(Plan(), observed, CONFIG))

    assert isinstance(outcome, Stalled)
    assert (outcome.code, why in outcome.why) == ("not_ours", True)


def test_who_wants_nothing_there_has_no_need_of_it() -> None:
    observed = sight(namespace=Present(namespace_for("x", labels={})))

    assert verdict(enforce_ownership(Plan(note="nothing of this branch is left"), observed, CONFIG)) == Done(
        "nothing of this branch is left"
    )


def test_a_change_that_deletes_nothing_is_struck_out_too_where_the_namespace_is_foreign() -> None:
    """A namespace of the same name that a team made by hand is not to be labelled as ours either."""
    observed = sight(namespace=Present(namespace_for("x", labels={})))
    change = Annotate(name="feature-x", applied=applied())

    plan = enforce_ownership(Plan((*wave(change), Wait("rollout", "rollout", 5))), observed, CONFIG)

    assert [each.change for each in plan.suppressed] == [change]
    assert isinstance(verdict(plan), Stalled)


def test_of_a_branch_and_its_twin_the_second_is_told_of_both() -> None:
    """`x` and `feature/x` would share every name."""
    observed = sight("feature/x", namespace=Present(namespace_for("x")), records=noting(record_of("x")))

    plan = judged(observed, namespace_for("x"))

    assert plan.changes == ()
    assert "branch 'x'" in plan.suppressed[0].why
    assert "'feature/x' cannot have it" in plan.suppressed[0].why


def test_a_persons_request_is_removed_even_where_the_namespace_is_someone_elses() -> None:
    """It is found by its own branch, and would bring its key back with every sweep."""
    observed = sight(namespace=Present(namespace_for("x", labels={})))

    assert len(judged(observed, request_of("x", "hold")).changes) == 1


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        (credential_of("x", issuer="https://oidc.example/other/"), "another cluster or namespace"),
        (credential_of("x", subject="system:serviceaccount:feature-x-2:web"), "another cluster or namespace"),
        (credential_of("x", subject="repo:acme/todo:ref:refs/heads/x"), "another cluster or namespace"),
        (credential_of("x", name="terraform-x"), "so it is not known to be ours"),
    ],
)
def test_a_credential_stays_that_is_not_ours(credential: Credential, why: str) -> None:
    plan = judged(sight(), credential)

    assert plan.changes == ()
    assert why in plan.suppressed[0].why


def test_a_credential_under_an_older_name_goes_if_the_record_names_it() -> None:
    older = credential_of("x", name="old-prefix-x")

    plan = judged(sight(records=noting(record_of("x", credentials=(older.ref,)))), older)

    assert len(plan.changes) == 1


def test_an_object_stays_that_the_inventory_does_not_hold() -> None:
    plan = judged(sight(), live(ObjectRef("v1", "ConfigMap", "by-hand")))

    assert plan.changes == ()
    assert "inventory does not hold it" in plan.suppressed[0].why


def test_an_object_that_left_the_overlay_may_go_until_it_was_seen_to_be_gone() -> None:
    former = ObjectRef("v1", "ConfigMap", "former")

    assert len(judged(sight(records=noting(record_of("x", pruning=(former,)))), live(former)).changes) == 1


def test_what_was_struck_out_stays_visible_and_is_no_success() -> None:
    """Silence after a refused removal was taken for a success, and namespaces stood for years."""
    ended = verdict(judged(sight(), live(ObjectRef("v1", "ConfigMap", "by-hand"))))

    assert isinstance(ended, Stalled)
    assert "delete ConfigMap/by-hand: " in ended.why


@pytest.mark.parametrize("unread", ["head", "records", "namespace", "credentials"])
def test_an_outage_deletes_nothing(unread: str) -> None:
    """Argo CD deleted every application when an outage or a parse error came back as an empty list; an
    ApplicationSet took "unreachable" for "does not exist".
    """
    observed = sight(**{"head": Absent(), unread: Unknown(Unreachable("connection reset"))})
    decided = decide(observed, config=CONFIG, now=START)

    if isinstance(decided, TearDown):
        plan = enforce_ownership(removal(observed, config=CONFIG, now=START), observed, CONFIG)
        assert plan.ready == ()
        assert isinstance(plan.barrier, Wait)
    else:
        assert isinstance(decided, Skip)
        assert decided.unknown


def test_the_removal_of_fix_auth_never_touches_fix_auth_2() -> None:
    """Environments were found by a prefix of their names, and `fix/auth` took `fix/auth-2` along."""
    program = Program()
    program.stand("fix/auth")
    program.stand("fix/auth-2")
    other = program.namespace("fix/auth-2")

    program.delete_branch("fix/auth")
    program.tell("fix/auth")
    program.drain()

    assert set(program.world.namespaces) == {other.name}
    assert program.namespace("fix/auth-2") == other


def test_branches_that_share_a_slug_do_not_share_an_environment() -> None:
    """Short hashes collide, and with a checksum nearly all did; so the full name is compared."""
    observed = sight(
        "A", namespace=Present(namespace_for("A", annotations={REPOSITORY: "acme/todo", BRANCH: "a!"}))
    )

    plan = judged(observed, namespace_for("A"))

    assert plan.changes == ()
    assert "belongs to branch 'a!'" in plan.suppressed[0].why


def test_nothing_but_policy_makes_the_proof_that_something_is_ours() -> None:
    makers = set()
    for path in ROOT.rglob("*.py"):
        inside = path.relative_to(ROOT).parts
        if inside[0] in {".venv", "node_modules", "tests", "build"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            named = called.value if isinstance(called, ast.Subscript) else called
            name = named.id if isinstance(named, ast.Name) else getattr(named, "attr", "")
            if name == "Owned":
                makers.add("/".join(inside))

    assert makers == {"coppice/lifecycle/ownership.py"}
