"""A credential that is to be written must not take the place of one that somebody else has made."""

from coppice.components.federated_identity import CreateCredential
from coppice.components.namespace import Annotate
from coppice.lifecycle.ownership import enforce_ownership
from coppice.reconciler.observation import Present
from coppice.reconciler.plan import Blocked, Plan, wave
from tests.support.builders import applied, credential_of, sight
from tests.support.config import CONFIG


def test_a_credential_that_somebody_else_has_made_is_not_written_over_and_no_pod_starts_without_it() -> None:
    theirs = credential_of("x", name="terraform-x", audiences=("api://other",))
    observed = sight(credentials=Present((theirs,)))
    again = CreateCredential(credential=credential_of("x", name="terraform-x"))
    rest = Annotate(name="feature-x", applied=applied())

    plan = enforce_ownership(Plan((*wave(again), *wave(rest))), observed, CONFIG)

    assert (plan.ready, [each.change for each in plan.suppressed]) == ((), [again])
    assert isinstance(plan.barrier, Blocked)
    assert plan.barrier.code == "not_ours"
    assert "terraform-x is for another audience than api://AzureADTokenExchange" in plan.barrier.why
    assert "give it the audience api://AzureADTokenExchange, or delete it" in plan.barrier.why


def test_a_credential_of_ours_is_written_over_and_a_new_one_made() -> None:
    again, fresh = credential_of("x"), credential_of("x", name="coppice-x-jobs")
    observed = sight(credentials=Present((credential_of("x", audiences=("api://other",)),)))

    plan = enforce_ownership(
        Plan(wave(*(CreateCredential(credential=each) for each in (again, fresh)))), observed, CONFIG
    )

    assert (len(plan.changes), plan.suppressed, plan.barrier) == (2, (), None)
