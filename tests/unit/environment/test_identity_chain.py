from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coppice.components.federated_identity import Credential, Identity
from coppice.components.observed import Observed
from coppice.components.slots import NOT_LOOKED_AT
from coppice.diagnostics.identity_chain import IdentityChain, identity_chains
from coppice.environment.config import EnvironmentConfig
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Forbidden, Gone, Unreachable
from coppice.reconciler.observation import Absent, Present, Reading, Unknown
from tests.support.azure import ISSUER
from tests.support.builders import credential_of, noting, record_of, sight
from tests.support.config import CONFIG
from tests.support.world import START

ACCOUNT = "postgres-service-account"


def identity(number: int, *credentials: Credential) -> Identity:
    return Identity(ref=f"rg/id-{number}", client_id=f"client-{number}", credentials=credentials)


def explained(
    *credentials: Credential,
    named: Reading[str] | str | None = "client-0",
    observed: Observed | None = None,
    config: EnvironmentConfig = CONFIG,
    identities: Mapping[str, Reading[Identity]] | None = None,
) -> IdentityChain:
    """The chain of branch `x`, whose identity is `rg/id-0`."""
    read: dict[str, Reading[Identity]] = {
        f"rg/id-{number}": Present(
            identity(number, *(each for each in credentials if each.identity == f"rg/id-{number}"))
        )
        for number in (0, 1)
    }
    accounts = {} if named is None else {ACCOUNT: Present(named) if isinstance(named, str) else named}
    (chain,) = identity_chains(
        observed or sight(),
        config=config,
        identities={**read, **(identities or {})},
        accounts=accounts,
        now=START,
    )
    return chain


def code(chain: IdentityChain) -> str:
    return chain.broken.code if chain.broken else ""


def why(chain: IdentityChain) -> str:
    return chain.broken.why if chain.broken else ""


def test_a_chain_that_holds_names_every_link() -> None:
    assert explained(credential_of("x")) == IdentityChain(
        account=ACCOUNT,
        issuer=ISSUER,
        subject="system:serviceaccount:feature-x:postgres-service-account",
        credential="credential/rg/id-0/coppice-x",
        identity="rg/id-0",
        client_id="client-0",
        named="client-0",
        broken=None,
    )


def test_a_service_account_that_the_overlay_ships_is_not_told_to_be_shipped() -> None:
    shipped = record_of("x", inventory=(ObjectRef("v1", "ServiceAccount", ACCOUNT),))
    chain = explained(credential_of("x"), named=Absent(), observed=sight(records=noting(shipped)))

    assert code(chain) == "no_account"
    assert "the overlay ships it, and PUT /api/environments/x applies it anew" in why(chain)
    assert "has to ship it" not in why(chain)


def test_a_credential_is_known_by_what_it_says_and_not_by_its_name() -> None:
    assert code(explained(credential_of("x", name="made-by-hand"))) == ""


def test_a_credential_that_does_not_stand_is_missed() -> None:
    chain = explained(credential_of("y"))

    assert (code(chain), chain.credential, chain.identity) == ("no_credential", "", "rg/id-0")
    assert "rg/id-0 has no credential for system:serviceaccount:feature-x:" in why(chain)
    assert "PUT /api/environments/x" in why(chain)


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({"identity": "rg/id-1"}, "other_identity", "credential/rg/id-1/coppice-x"),
        ({"issuer": ISSUER.rstrip("/")}, "other_issuer", f"the cluster's is '{ISSUER}'"),
        ({"subject": f"system:serviceaccount:feature-x:{ACCOUNT.title()}"}, "other_subject", ACCOUNT.title()),
    ],
)
def test_the_nearest_miss_is_named(changes: dict[str, str], expected: str, words: str) -> None:
    chain = explained(credential_of("x", **changes))

    assert (code(chain), chain.credential) == (expected, "")
    assert words in why(chain)


def test_a_credential_for_another_audience_lets_no_token_in() -> None:
    chain = explained(credential_of("x", audiences=("api://other",)))

    assert (code(chain), chain.credential) == ("other_audience", "")
    assert "coppice-x is for 'api://other', and the tokens for 'api://AzureADTokenExchange'" in why(chain)
    assert "PUT /api/environments/x" in why(chain)


def test_one_for_another_audience_that_somebody_else_has_made_is_theirs_to_correct() -> None:
    chain = explained(credential_of("x", name="made-by-hand", audiences=("api://other",)))

    assert code(chain) == "other_audience"
    assert (
        "so it is not known to be ours; give it the audience api://AzureADTokenExchange, or delete it"
        in why(chain)
    )


def test_another_environments_credential_is_no_near_miss() -> None:
    chain = explained(credential_of("y"), credential_of("z", issuer="https://far.example/"))

    assert code(chain) == "no_credential"
    assert "feature-y" not in why(chain)


def test_an_environment_without_an_identity_has_none_to_sign_in_as() -> None:
    for record in (None, record_of("x", identities={}), record_of("feature/x", namespace="feature-x")):
        assert code(explained(credential_of("x"), observed=sight(records=noting(record)))) == "no_identity"


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Unknown(Gone("no such identity")), "identity_gone"),
        (Unknown(Forbidden("grant a role")), "unread"),
        (NOT_LOOKED_AT, "unread"),
    ],
)
def test_an_identity_that_was_not_read_is_no_missing_credential(
    reading: Reading[Identity], expected: str
) -> None:
    chain = explained(identities={"rg/id-0": reading})

    assert (code(chain), chain.client_id) == (expected, "")
    assert "rg/id-0" in why(chain)


def test_without_the_clusters_issuer_nothing_can_be_said() -> None:
    observed = sight(issuer="", credentials=Unknown(Unreachable("ARM timed out")))

    chain = explained(credential_of("x"), observed=observed)

    assert code(chain) == "no_issuer"
    assert "ARM timed out" in why(chain)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(None, "settling"), (0, "settling"), (0.4, "settling"), (0.5, ""), (60, "")]
)
def test_a_fresh_credential_is_not_trusted_at_once(minutes: float | None, expected: str) -> None:
    since = None if minutes is None else START - timedelta(minutes=minutes)
    observed = sight(records=noting(record_of("x", trusted_from=since)))

    assert code(explained(credential_of("x"), observed=observed)) == ""
    patient = replace(CONFIG, settle=timedelta(seconds=30))
    assert code(explained(credential_of("x"), observed=observed, config=patient)) == expected


@pytest.mark.parametrize(
    ("named", "expected", "words"),
    [
        ("client-1", "other_client_id", "that of rg/id-1"),
        ("client-9", "other_client_id", "client-9, no identity of ours"),
        ("", "other_client_id", "has no annotation azure.workload.identity/client-id"),
        (Absent(), "no_account", "service account feature-x/postgres-service-account does not stand"),
        (Unknown(Unreachable("reset")), "unread", "was not read: reset"),
        (NOT_LOOKED_AT, "", ""),
        (None, "", ""),
    ],
)
def test_the_service_account_has_to_name_the_identity_that_holds_the_credential(
    named: Any, expected: str, words: str
) -> None:
    chain = explained(credential_of("x"), named=named)

    assert code(chain) == expected
    assert words in why(chain)
    assert chain.credential


def test_every_service_account_has_a_chain_of_its_own() -> None:
    config = replace(
        CONFIG,
        accounts={"web": "", "worker": "slow"},
        pools={"": ("rg/id-0",), "slow": ("rg/id-1",)},
    )
    observed = sight(records=noting(record_of("x", identities={"": "rg/id-0", "slow": "rg/id-1"})))
    web = credential_of("x", name="a", subject="system:serviceaccount:feature-x:web")
    identities = {"rg/id-0": Present(identity(0, web)), "rg/id-1": Present(identity(1))}

    first, second = identity_chains(observed, config=config, identities=identities, accounts={}, now=START)

    assert (first.account, first.identity, code(first)) == ("web", "rg/id-0", "")
    assert (second.account, second.identity, code(second)) == ("worker", "rg/id-1", "no_credential")
