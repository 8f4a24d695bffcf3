"""A credential that is to be written must not take the place of one that somebody else has made."""

from coppice.components.federated_identity import CreateCredential
from coppice.components.namespace import Annotate
from coppice.lifecycle.ownership import police
from coppice.reconciler.observation import Standing
from coppice.reconciler.plan import Plan, Stop, wave
from tests.support.builders import applied, credential_of, sight
from tests.support.config import RULES


def test_a_credential_that_somebody_else_has_made_is_not_written_over_and_no_pod_starts_without_it() -> None:
    theirs = credential_of("x", name="terraform-x", audiences=("api://other",))
    seen = sight(credentials=Standing((theirs,)))
    again = CreateCredential(credential=credential_of("x", name="terraform-x"))
    rest = Annotate(name="feature-x", applied=applied())

    plan = police(Plan((*wave(again), *wave(rest))), seen, RULES)

    assert (plan.ready, [each.change for each in plan.struck]) == ((), [again])
    assert isinstance(plan.barrier, Stop)
    assert plan.barrier.code == "not_ours"
    assert "terraform-x is for another audience than api://AzureADTokenExchange" in plan.barrier.why
    assert "give it the audience api://AzureADTokenExchange, or delete it" in plan.barrier.why


def test_a_credential_of_ours_is_written_over_and_a_new_one_made() -> None:
    again, fresh = credential_of("x"), credential_of("x", name="coppice-x-jobs")
    seen = sight(credentials=Standing((credential_of("x", audiences=("api://other",)),)))

    plan = police(Plan(wave(*(CreateCredential(credential=each) for each in (again, fresh)))), seen, RULES)

    assert (len(plan.changes), plan.struck, plan.barrier) == (2, (), None)
