"""The Key Vault driver signs in as the client id of the `SecretProviderClass`, whatever the account names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from coppice.components.federated_identity import Identity
from coppice.diagnostics.identity_chain import IdentityChain, identity_chains
from coppice.diagnostics.identity_checks import ProviderClass
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Present, Reading, Unknown
from tests.support.builders import credential_of, noting, record_of, sight
from tests.support.config import CONFIG, TENANT
from tests.support.world import START

ACCOUNT = "postgres-service-account"
POOLS = replace(
    CONFIG,
    accounts={"web": "", "jobs": "slow"},
    pools={"": ("rg/id-0",), "slow": ("rg/id-1",)},
)


def vault(client_id: str = "client-0", *, name: str = "vault", **changes: Any) -> ProviderClass:
    made = ProviderClass(name=name, client_id=client_id, tenant=TENANT, accounts=frozenset({ACCOUNT}))
    return replace(made, **changes)


def explained(*classes: ProviderClass) -> IdentityChain:
    """The chain of branch `x`, all of which holds but for its classes."""
    first = Identity(ref="rg/id-0", client_id="client-0", credentials=(credential_of("x"),))
    other = Identity(ref="rg/id-1", client_id="client-1", credentials=())
    (chain,) = identity_chains(
        sight(),
        config=CONFIG,
        identities={each.ref: Present(each) for each in (first, other)},
        accounts={ACCOUNT: Present("client-0")},
        classes=classes,
        now=START,
    )
    return chain


def of_two_pools(
    *classes: ProviderClass, unread: tuple[str, ...] = ()
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Of each of two accounts, which classes are its own, and which link breaks."""
    observed = sight(records=noting(record_of("x", identities={"": "rg/id-0", "slow": "rg/id-1"})))
    identities: dict[str, Reading[Identity]] = {}
    for number, account in enumerate(POOLS.accounts):
        ref, subject = f"rg/id-{number}", f"system:serviceaccount:feature-x:{account}"
        held = credential_of("x", identity=ref, subject=subject)
        identities[ref] = Present(Identity(ref=ref, client_id=f"client-{number}", credentials=(held,)))
    identities |= {ref: Unknown(Unreachable("reset")) for ref in unread}
    named = {"web": Present("client-0"), "jobs": Present("client-1")}
    found = identity_chains(
        observed, config=POOLS, identities=identities, accounts=named, classes=classes, now=START
    )
    return (
        {each.account: ", ".join(each.classes) for each in found},
        {each.account: each.broken.code if each.broken else "" for each in found},
    )


def test_a_class_that_names_the_identity_of_its_pods_holds_and_is_shown() -> None:
    chain = explained(vault(), vault(name="more"))

    assert (chain.broken, chain.classes) == (None, {"vault": "client-0", "more": "client-0"})


@pytest.mark.parametrize(
    ("client_id", "words"),
    [
        (
            "client-1",
            "names client id client-1, that of rg/id-1, and the credential is on rg/id-0 (",
        ),
        ("client-9", "names client id client-9, no identity of ours"),
        ("", "has no clientID"),
    ],
)
def test_a_class_that_names_another_identity_breaks_the_chain(client_id: str, words: str) -> None:
    broken = explained(vault(), vault(client_id, name="more")).broken

    assert broken is not None
    assert broken.code == "other_class"
    assert f"SecretProviderClass feature-x/more {words}" in broken.why
    assert "PUT /api/environments/x corrects it" in broken.why


@pytest.mark.parametrize(
    ("tenant", "words"), [("tenant-2", "names tenant tenant-2"), ("", "has no tenantId")]
)
def test_a_class_of_another_tenant_breaks_the_chain(tenant: str, words: str) -> None:
    broken = explained(vault(tenant=tenant)).broken

    assert broken is not None
    assert broken.code == "other_tenant"
    assert f"SecretProviderClass feature-x/vault {words}, and the identity is in {TENANT}" in broken.why


def test_each_account_has_the_classes_of_its_own_pods_which_name_its_own_identity() -> None:
    classes = (
        vault("client-0", name="of-web", accounts=frozenset({"web"})),
        vault("client-0", name="of-jobs", accounts=frozenset({"jobs"})),
    )
    assert of_two_pools(*classes) == (
        {"web": "of-web", "jobs": "of-jobs"},
        {"web": "", "jobs": "other_class"},
    )


def test_a_class_whose_pods_are_done_may_name_any_identity_of_the_environment_and_no_other() -> None:
    """A Job takes itself away, and with it what tells whose class it was."""
    done = vault("client-1", accounts=frozenset())
    assert of_two_pools(done) == ({"web": "vault", "jobs": ""}, {"web": "", "jobs": ""})
    lost = vault("client-9", accounts=frozenset())
    assert of_two_pools(lost)[1] == {"web": "other_class", "jobs": ""}
    assert of_two_pools(lost, unread=("rg/id-1",))[1] == {"web": "", "jobs": "unread"}
