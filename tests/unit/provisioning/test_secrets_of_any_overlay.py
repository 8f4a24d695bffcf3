"""For any overlay: the identities are set, setting them again changes nothing, and no other field changes."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.mounts import refusals
from provisioning.secrets import (
    CLIENT_ID,
    TENANT_ID,
    USE,
    ManifestsWithIdentities,
    VaultConfig,
    with_identities,
)
from tests.support.manifests import config_map, service_account
from tests.unit.provisioning.identity_manifests import (
    CLIENTS,
    KINDS,
    NIL,
    NO_VAULTS,
    OTHER,
    TENANT,
    VAULTS,
    annotated,
    mounting,
    parameters,
    provider,
    set_identities,
)

values = st.sampled_from(["", NIL, OTHER, TENANT, *CLIENTS.values()])
names = st.sampled_from(["web", "uploader", "plain", "default"])
classes = st.sampled_from(["vault", "other", "third"])
objects = st.one_of(
    st.builds(config_map, names),
    st.builds(service_account, names),
    st.builds(lambda name, was: annotated(name, **{CLIENT_ID: was, "owner": "me"}), names, values),
    st.builds(
        lambda name, was, flag: provider(name, clientID=was, tenantID=was, useVMManagedIdentity=flag),
        classes,
        values,
        st.sampled_from(["true", "false", ""]),
    ),
    st.builds(
        lambda kind, account, mounted: mounting(kind, "pods", account, *mounted),
        st.sampled_from(KINDS),
        names,
        st.lists(classes, max_size=2),
    ),
)
overlays = st.lists(objects, max_size=6).map(tuple)
vault_configs = st.sampled_from([NO_VAULTS, VAULTS])

IDENTITY_FIELDS = {CLIENT_ID, TENANT_ID, USE, "clientID", "tenantId", "tenantID", "useVMManagedIdentity"}


def without_identity_fields(value: Any) -> Any:
    """An object without the fields that hold the identity, and without maps that are then empty."""
    if not isinstance(value, dict):
        return value
    kept = {key: without_identity_fields(each) for key, each in value.items() if key not in IDENTITY_FIELDS}
    return {key: each for key, each in kept.items() if each != {}}


@given(overlays, vault_configs)
def test_setting_identities_twice_changes_nothing(
    manifests: tuple[dict[str, Any], ...], vaults: VaultConfig
) -> None:
    once = set_identities(*manifests, vaults=vaults)
    again = with_identities(once.manifests, clients=CLIENTS, tenant=TENANT, vaults=vaults)

    assert again == ManifestsWithIdentities(manifests=once.manifests, corrections=())


@given(overlays, vault_configs)
def test_only_the_fields_of_the_identity_are_changed(
    manifests: tuple[dict[str, Any], ...], vaults: VaultConfig
) -> None:
    before = deepcopy(manifests)

    found = set_identities(*manifests, vaults=vaults)

    assert manifests == before
    assert [without_identity_fields(each) for each in found.manifests[: len(manifests)]] == [
        without_identity_fields(each) for each in manifests
    ]


@given(
    st.dictionaries(classes, st.sampled_from(list(CLIENTS)), min_size=1),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2)), min_size=1, max_size=6),
    st.booleans(),
    values,
)
def test_every_mounted_class_names_the_identity_of_the_account_that_mounts_it(
    account_of: dict[str, str], mounts: list[tuple[str, int]], ships: bool, was: str
) -> None:
    shipped = [provider(each, clientID=was) for each in account_of] if ships else []
    chosen = [(kind, list(account_of)[number % len(account_of)]) for kind, number in mounts]
    pods = [mounting(kind, "pods", account_of[each], each) for kind, each in chosen]
    overlay = (*pods, *shipped)

    found = set_identities(*overlay, vaults=VAULTS)

    assert refusals(overlay, accounts={each: each for each in CLIENTS}, vaults=VAULTS) == ()
    for _, mounted in chosen:
        assert parameters(found, mounted)["clientID"] == CLIENTS[account_of[mounted]]
    accounts = [each["metadata"]["name"] for each in found.manifests if each["kind"] == "ServiceAccount"]
    assert sorted(accounts) == sorted({account_of[each] for _, each in chosen})
