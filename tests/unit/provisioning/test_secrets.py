"""Whatever an overlay says of identities, what is applied names the one that holds the credential."""

from copy import deepcopy
from typing import Any

import pytest
import yaml

from coppice.components.application import TEMPLATE, template
from provisioning.admission import AdmissionPolicy, check_objects
from provisioning.secrets import CLIENT_ID, DEFAULT_CLASS, TENANT_ID, USE, VaultConfig
from tests.support.manifests import config_map, deployment, service_account
from tests.unit.provisioning.pointing import (
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
    pod_template,
    pointed,
    provider,
)


def test_each_service_account_names_its_own_identity_and_others_are_left_alone() -> None:
    found = pointed(service_account("web"), service_account("uploader"), service_account("plain"))

    annotations = [each["metadata"].get("annotations") for each in found.manifests]
    assert annotations == [
        {CLIENT_ID: CLIENTS["web"], TENANT_ID: TENANT},
        {CLIENT_ID: CLIENTS["uploader"], TENANT_ID: TENANT},
        None,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_provider_follows_the_account_whose_pods_mount_it(kind: str) -> None:
    found = pointed(provider(), provider("other"), mounting(kind, "a", "uploader", "other", "vault"))

    assert parameters(found) == {"clientID": CLIENTS["uploader"], "tenantId": TENANT}
    assert parameters(found, "other") == {"clientID": CLIENTS["uploader"], "tenantId": TENANT}


def test_the_old_name_of_the_service_account_field_counts_where_the_new_one_is_empty() -> None:
    old, both = mounting("Pod", "old", "", "vault"), mounting("Pod", "both", "web", "other")
    old["spec"]["serviceAccount"] = both["spec"]["serviceAccount"] = "uploader"

    found = pointed(provider(), provider("other"), old, both)

    assert parameters(found)["clientID"] == CLIENTS["uploader"]
    assert parameters(found, "other")["clientID"] == CLIENTS["web"]


def test_a_secret_provider_that_nobody_mounts_follows_the_first_account() -> None:
    assert parameters(pointed(provider()))["clientID"] == CLIENTS["web"]


def test_a_volume_of_another_driver_mounts_no_secret_provider() -> None:
    pod = mounting("Pod", "a", "uploader", "vault")
    pod["spec"]["volumes"][0]["csi"]["driver"] = "disk.csi.azure.com"

    assert parameters(pointed(provider(), pod))["clientID"] == CLIENTS["web"]


@pytest.mark.parametrize("kind", KINDS)
def test_pods_of_a_listed_account_get_the_label_and_nothing_else_does(kind: str) -> None:
    shipped = mounting(kind, "a", "web")

    made = pointed(service_account("web"), shipped).manifests[1]

    assert pod_template(dict(made))["metadata"]["labels"][USE] == "true"
    expected = deepcopy(shipped)
    metadata = pod_template(expected).get("metadata", {})
    labels = {**metadata.get("labels", {}), USE: "true"}
    pod_template(expected)["metadata"] = {**metadata, "labels": labels}
    assert made == expected  # its selector as well


def test_pods_of_other_accounts_get_no_label() -> None:
    shipped = (mounting("Deployment", "a", "plain"), deployment("b"))

    assert pointed(*shipped).manifests == shipped


def test_a_job_whose_pods_are_labelled_notes_its_template_anew() -> None:
    job = mounting("Job", "migrate", "web")
    job["metadata"]["annotations"] = {TEMPLATE: template(job), "owner": "me"}

    made = pointed(service_account("web"), job).manifests[1]

    assert made["metadata"]["annotations"] == {TEMPLATE: template(made), "owner": "me"}
    assert template(made) != template(job)


def test_what_the_overlay_says_otherwise_is_corrected_and_told() -> None:
    labelled = mounting("Deployment", "web", "web", "vault")
    pod_template(labelled)["metadata"]["labels"] = {USE: "false"}
    shipped = provider(clientID=OTHER, tenantId=OTHER, tenantID=OTHER, useVMManagedIdentity="true")

    found = pointed(annotated("web", **{CLIENT_ID: OTHER, TENANT_ID: OTHER}), shipped, labelled)

    assert parameters(found) == {
        "clientID": CLIENTS["web"],
        "tenantId": TENANT,
        "tenantID": TENANT,
        "useVMManagedIdentity": "false",
    }
    assert found.corrections == (
        f"ServiceAccount web: azure.workload.identity/client-id was '{OTHER}', is '{CLIENTS['web']}'",
        f"ServiceAccount web: azure.workload.identity/tenant-id was '{OTHER}', is '{TENANT}'",
        f"SecretProviderClass vault: clientID was '{OTHER}', is '{CLIENTS['web']}'",
        f"SecretProviderClass vault: tenantID was '{OTHER}', is '{TENANT}'",
        f"SecretProviderClass vault: tenantId was '{OTHER}', is '{TENANT}'",
        "SecretProviderClass vault: useVMManagedIdentity was 'true', is 'false'",
        "Deployment web: azure.workload.identity/use was 'false', is 'true'",
    )


@pytest.mark.parametrize("was", ["true", "True", "1", "t", "yes", " TRUE "])
@pytest.mark.parametrize("flag", ["usePodIdentity", "useVMManagedIdentity"])
def test_no_spelling_of_yes_lets_the_node_read_in_the_environments_place(flag: str, was: str) -> None:
    assert parameters(pointed(provider(**{flag: was})))[flag] == "false"


@pytest.mark.parametrize("was", ["", "false", "False", "0", " F "])
def test_a_flag_that_says_no_is_left_as_it_is(was: str) -> None:
    assert parameters(pointed(provider(usePodIdentity=was)))["usePodIdentity"] == was


@pytest.mark.parametrize("was", [NIL, "", f" {NIL} ", CLIENTS["web"].upper()])
def test_placeholders_and_what_was_right_already_need_no_word(was: str) -> None:
    found = pointed(annotated("web", **{CLIENT_ID: was}), provider(clientID=was, tenantId=NIL))

    assert found.corrections == ()
    assert parameters(found)["clientID"] == CLIENTS["web"]


def test_a_label_whose_quotes_were_forgotten_is_mended_without_a_word() -> None:
    labelled: dict[str, Any] = mounting("Deployment", "web", "web")
    pod_template(labelled)["metadata"]["labels"] = {USE: True}

    found = pointed(service_account("web"), labelled)

    assert pod_template(dict(found.manifests[1]))["metadata"]["labels"] == {USE: "true"}
    assert found.corrections == ()


def test_a_listed_account_that_pods_run_as_and_nobody_ships_is_made() -> None:
    pods = mounting("CronJob", "nightly", "web")
    pods["metadata"]["namespace"] = "feature-x"

    found = pointed(pods, mounting("Job", "migrate", "plain"), service_account("uploader"))

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

    *_, made = pointed(service_account("uploader"), pods, vaults=VAULTS).manifests

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
    found = pointed(config_map("settings"), vaults=VAULTS)

    assert parameters(found, DEFAULT_CLASS)["clientID"] == CLIENTS["web"]


@pytest.mark.parametrize(
    "vaults",
    [
        NO_VAULTS,
        VaultConfig(vaults=(), objects=("api-key",)),
        VaultConfig(vaults=("kv",), objects=("*", "api-?", "[a]", "not_a_name")),
    ],
)
def test_none_is_made_without_a_vault_or_without_a_plain_name(vaults: VaultConfig) -> None:
    assert pointed(config_map("settings"), vaults=vaults).manifests == (config_map("settings"),)


def test_none_is_made_for_an_overlay_that_holds_one() -> None:
    found = pointed(service_account("web"), provider(), mounting("Pod", "a", "web", "other"), vaults=VAULTS)

    assert [each["kind"] for each in found.manifests] == ["ServiceAccount", "SecretProviderClass", "Pod"]


@pytest.mark.parametrize("mounted", ["../../../x", "A", "", "x" * 254])
def test_what_is_no_name_names_nothing_that_is_made(mounted: str) -> None:
    *_, made = pointed(service_account("web"), mounting("Pod", "a", "web", mounted), vaults=VAULTS).manifests

    assert made["metadata"]["name"] == DEFAULT_CLASS


def test_what_is_made_would_pass_the_guard() -> None:
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

    assert check_objects(pointed(mounting("Pod", "a", "web", "mine"), vaults=vaults).manifests, policy) == ()
