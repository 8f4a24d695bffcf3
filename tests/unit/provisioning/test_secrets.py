"""The applied objects name the identity that holds the credential, whatever the overlay says."""

from copy import deepcopy
from typing import Any

import pytest

from coppice.components.application import TEMPLATE, template
from provisioning.secrets import CLIENT_ID, TENANT_ID, USE
from tests.support.manifests import deployment, service_account
from tests.unit.provisioning.identity_manifests import (
    CLIENTS,
    KINDS,
    NIL,
    OTHER,
    TENANT,
    annotated,
    mounting,
    parameters,
    pod_template,
    provider,
    set_identities,
)


def test_each_service_account_names_its_own_identity_and_others_are_left_alone() -> None:
    found = set_identities(service_account("web"), service_account("uploader"), service_account("plain"))

    annotations = [each["metadata"].get("annotations") for each in found.manifests]
    assert annotations == [
        {CLIENT_ID: CLIENTS["web"], TENANT_ID: TENANT},
        {CLIENT_ID: CLIENTS["uploader"], TENANT_ID: TENANT},
        None,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_provider_follows_the_account_whose_pods_mount_it(kind: str) -> None:
    found = set_identities(provider(), provider("other"), mounting(kind, "a", "uploader", "other", "vault"))

    assert parameters(found) == {"clientID": CLIENTS["uploader"], "tenantId": TENANT}
    assert parameters(found, "other") == {"clientID": CLIENTS["uploader"], "tenantId": TENANT}


def test_the_old_name_of_the_service_account_field_counts_where_the_new_one_is_empty() -> None:
    old, both = mounting("Pod", "old", "", "vault"), mounting("Pod", "both", "web", "other")
    old["spec"]["serviceAccount"] = both["spec"]["serviceAccount"] = "uploader"

    found = set_identities(provider(), provider("other"), old, both)

    assert parameters(found)["clientID"] == CLIENTS["uploader"]
    assert parameters(found, "other")["clientID"] == CLIENTS["web"]


def test_a_secret_provider_that_nobody_mounts_follows_the_first_account() -> None:
    assert parameters(set_identities(provider()))["clientID"] == CLIENTS["web"]


def test_a_volume_of_another_driver_mounts_no_secret_provider() -> None:
    pod = mounting("Pod", "a", "uploader", "vault")
    pod["spec"]["volumes"][0]["csi"]["driver"] = "disk.csi.azure.com"

    assert parameters(set_identities(provider(), pod))["clientID"] == CLIENTS["web"]


@pytest.mark.parametrize("kind", KINDS)
def test_pods_of_a_listed_account_get_the_label_and_nothing_else_does(kind: str) -> None:
    shipped = mounting(kind, "a", "web")

    made = set_identities(service_account("web"), shipped).manifests[1]

    assert pod_template(dict(made))["metadata"]["labels"][USE] == "true"
    expected = deepcopy(shipped)
    metadata = pod_template(expected).get("metadata", {})
    labels = {**metadata.get("labels", {}), USE: "true"}
    pod_template(expected)["metadata"] = {**metadata, "labels": labels}
    assert made == expected  # its selector as well


def test_pods_of_other_accounts_get_no_label() -> None:
    shipped = (mounting("Deployment", "a", "plain"), deployment("b"))

    assert set_identities(*shipped).manifests == shipped


def test_a_job_whose_pods_get_the_label_gets_a_new_template_digest() -> None:
    job = mounting("Job", "migrate", "web")
    job["metadata"]["annotations"] = {TEMPLATE: template(job), "owner": "me"}

    made = set_identities(service_account("web"), job).manifests[1]

    assert made["metadata"]["annotations"] == {TEMPLATE: template(made), "owner": "me"}
    assert template(made) != template(job)


def test_other_values_of_the_overlay_are_replaced_and_reported() -> None:
    labelled = mounting("Deployment", "web", "web", "vault")
    pod_template(labelled)["metadata"]["labels"] = {USE: "false"}
    shipped = provider(clientID=OTHER, tenantId=OTHER, tenantID=OTHER, useVMManagedIdentity="true")

    found = set_identities(annotated("web", **{CLIENT_ID: OTHER, TENANT_ID: OTHER}), shipped, labelled)

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
def test_a_flag_for_the_nodes_identity_is_set_to_false(flag: str, was: str) -> None:
    assert parameters(set_identities(provider(**{flag: was})))[flag] == "false"


@pytest.mark.parametrize("was", ["", "false", "False", "0", " F "])
def test_a_flag_that_the_provider_reads_as_false_is_unchanged(was: str) -> None:
    assert parameters(set_identities(provider(usePodIdentity=was)))["usePodIdentity"] == was


@pytest.mark.parametrize("was", [NIL, "", f" {NIL} ", CLIENTS["web"].upper()])
def test_replaced_placeholders_and_equal_values_are_not_reported(was: str) -> None:
    found = set_identities(annotated("web", **{CLIENT_ID: was}), provider(clientID=was, tenantId=NIL))

    assert found.corrections == ()
    assert parameters(found)["clientID"] == CLIENTS["web"]


def test_a_label_without_quotes_is_replaced_and_not_reported() -> None:
    labelled: dict[str, Any] = mounting("Deployment", "web", "web")
    pod_template(labelled)["metadata"]["labels"] = {USE: True}

    found = set_identities(service_account("web"), labelled)

    assert pod_template(dict(found.manifests[1]))["metadata"]["labels"] == {USE: "true"}
    assert found.corrections == ()
