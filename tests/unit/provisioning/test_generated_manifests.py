"""Service accounts and SecretProviderClasses that an overlay lacks are generated."""

import pytest
import yaml

from provisioning.admission import AdmissionPolicy, check_objects
from provisioning.secrets import CLIENT_ID, DEFAULT_CLASS, TENANT_ID, VaultConfig
from tests.support.manifests import config_map, service_account
from tests.unit.provisioning.identity_manifests import (
    CLIENTS,
    NO_VAULTS,
    TENANT,
    VAULTS,
    mounting,
    parameters,
    provider,
    set_identities,
)


def test_a_missing_service_account_that_pods_use_is_generated() -> None:
    pods = mounting("CronJob", "nightly", "web")
    pods["metadata"]["namespace"] = "feature-x"

    found = set_identities(pods, mounting("Job", "migrate", "plain"), service_account("uploader"))

    *_, made = found.manifests
    assert [each["kind"] for each in found.manifests] == [
        "CronJob",
        "Job",
        "ServiceAccount",
        "ServiceAccount",
    ]
    assert made == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "web",
            "namespace": "feature-x",
            "annotations": {CLIENT_ID: CLIENTS["web"], TENANT_ID: TENANT},
        },
    }
    assert found.corrections == ()


def test_an_overlay_without_a_secret_provider_gets_the_one_that_its_pods_mount() -> None:
    pods = mounting("Deployment", "web", "uploader", "my-secrets")
    pods["metadata"]["namespace"] = "feature-x"

    *_, made = set_identities(service_account("uploader"), pods, vaults=VAULTS).manifests

    assert made["metadata"] == {"name": "my-secrets", "namespace": "feature-x"}
    spec = made["spec"]
    assert spec["provider"] == "azure"
    assert spec["parameters"].items() >= {
        ("clientID", CLIENTS["uploader"]),
        ("tenantId", TENANT),
        ("keyvaultName", "kv-feature"),
    }
    objects = yaml.safe_load(spec["parameters"]["objects"])["array"]
    assert [yaml.safe_load(each) for each in objects] == [
        {"objectName": "api-key", "objectType": "secret"},
        {"objectName": "smtp-password", "objectType": "secret"},
    ]
    assert spec["secretObjects"] == [
        {
            "secretName": "my-secrets",
            "type": "Opaque",
            "data": [
                {"objectName": "api-key", "key": "api-key"},
                {"objectName": "smtp-password", "key": "smtp-password"},
            ],
        }
    ]


def test_where_no_pod_mounts_any_the_secret_provider_has_a_fixed_name_and_the_first_account() -> None:
    found = set_identities(config_map("settings"), vaults=VAULTS)

    assert parameters(found, DEFAULT_CLASS)["clientID"] == CLIENTS["web"]


@pytest.mark.parametrize(
    "vaults",
    [
        NO_VAULTS,
        VaultConfig(vaults=(), objects=("api-key",)),
        VaultConfig(vaults=("kv",), objects=("*", "api-?", "[a]", "not_a_name")),
    ],
)
def test_no_class_is_generated_without_a_vault_or_a_secret_name(vaults: VaultConfig) -> None:
    assert set_identities(config_map("settings"), vaults=vaults).manifests == (config_map("settings"),)


def test_no_class_is_generated_for_an_overlay_that_holds_one() -> None:
    found = set_identities(
        service_account("web"), provider(), mounting("Pod", "a", "web", "other"), vaults=VAULTS
    )

    assert [each["kind"] for each in found.manifests] == ["ServiceAccount", "SecretProviderClass", "Pod"]


@pytest.mark.parametrize("mounted", ["../../../x", "A", "", "x" * 254])
def test_an_invalid_class_name_is_not_used_for_a_generated_class(mounted: str) -> None:
    *_, made = set_identities(
        service_account("web"), mounting("Pod", "a", "web", mounted), vaults=VAULTS
    ).manifests

    assert made["metadata"]["name"] == DEFAULT_CLASS


def test_generated_objects_are_not_refused() -> None:
    kinds = frozenset({"Pod", "ServiceAccount", "secrets-store.csi.x-k8s.io/SecretProviderClass"})
    vaults = VaultConfig(vaults=("kv",), objects=("api-key", "123", "true", "x" * 127))
    policy = AdmissionPolicy(
        namespace="feature-x",
        allowed_kinds=kinds,
        hosts=frozenset(),
        gateways=frozenset(),
        key_vaults=frozenset(vaults.vaults),
        key_vault_objects=frozenset(vaults.objects),
    )

    assert (
        check_objects(set_identities(mounting("Pod", "a", "web", "mine"), vaults=vaults).manifests, policy)
        == ()
    )
