"""Pods that could never reach their secrets are refused before anything is written."""

from typing import Any

import pytest

from provisioning.mounts import refusals
from provisioning.secrets import USE, VaultConfig
from tests.support.manifests import deployment, service_account
from tests.unit.provisioning.identity_manifests import (
    KINDS,
    NO_VAULTS,
    VAULTS,
    mounting,
    pod_template,
    provider,
    secret,
)

POOLS = {"web": "", "api": "", "uploader": "storage"}


def refused(*manifests: dict[str, Any], vaults: VaultConfig = NO_VAULTS) -> str:
    found = refusals(manifests, accounts=POOLS, vaults=vaults, reserved=frozenset({"branch-database"}))
    return "; ".join(map(str, found))


@pytest.mark.parametrize("kind", KINDS)
def test_pods_that_mount_a_class_as_an_account_with_a_credential_pass(kind: str) -> None:
    assert refused(provider(), mounting(kind, "a", "web", "vault")) == ""


def test_pods_that_mount_nothing_may_run_as_anybody() -> None:
    assert refused(deployment(), mounting("Job", "migrate", "plain"), provider()) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_pods_whose_account_has_no_credential_may_mount_no_secrets(kind: str) -> None:
    assert refused(provider(), mounting(kind, "a", "plain", "vault")).endswith(
        f"{kind} a: its pods mount secrets as service account plain, which has no credential; "
        "set serviceAccountName to one of SERVICE_ACCOUNTS (web, api, uploader), or add it there"
    )


def test_pods_that_name_no_account_run_as_the_default_one() -> None:
    assert "as service account default" in refused(provider(), mounting("Deployment", "a", "", "vault"))


def test_two_accounts_of_one_pool_share_an_identity_and_so_a_class() -> None:
    assert (
        refused(provider(), mounting("Job", "a", "web", "vault"), mounting("Job", "b", "api", "vault")) == ""
    )


def test_a_class_cannot_name_the_identities_of_two_pools() -> None:
    found = refused(
        provider(), mounting("Job", "a", "web", "vault"), mounting("CronJob", "b", "uploader", "vault")
    )

    assert found == (
        "secrets-store.csi.x-k8s.io/SecretProviderClass vault: is mounted by pods of web and uploader, whose "
        "identities come from different pools, and it can name one identity; "
        "give each account a class of its own"
    )


def test_a_missing_class_is_named_with_what_would_generate_it() -> None:
    pods = mounting("Deployment", "a", "web", "other")

    assert refused(provider(), pods, vaults=VAULTS).startswith(
        "apps/Deployment a: its pods mount the SecretProviderClass 'other', which the overlay does not hold; "
    )
    assert "does not hold" in refused(pods)
    assert refused(pods, vaults=VAULTS) == ""  # one is made


def test_a_class_with_an_invalid_name_is_not_generated() -> None:
    assert "'../x', which the overlay does not hold" in refused(
        mounting("Pod", "a", "web", "../x"), vaults=VAULTS
    )


def test_a_volume_has_to_name_its_class() -> None:
    assert "names no secretProviderClass" in refused(provider(), mounting("Pod", "a", "web", ""))


def test_a_copy_of_secrets_overwrites_no_secret_of_the_overlay() -> None:
    found = refused(provider(copied="settings"), secret("settings"))

    assert "SecretProviderClass vault: its secretObjects would write the Secret settings, which" in found


@pytest.mark.parametrize("taken", ["branch-database", "settings"])
def test_a_generated_class_does_not_sync_to_another_owners_secret(taken: str) -> None:
    found = refused(mounting("Pod", "a", "web", taken), secret("settings"), vaults=VAULTS)

    assert (
        f"SecretProviderClass {taken}: is made for this overlay, which holds none, and would write" in found
    )


def test_a_copy_under_a_name_of_its_own_passes() -> None:
    assert refused(provider(copied="vault"), secret("settings")) == ""


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {USE: "false"}},
        {"matchExpressions": [{"key": USE, "operator": "In", "values": ["false"]}]},
        {"matchExpressions": [{"key": USE, "operator": "NotIn", "values": ["true"]}]},
        {"matchExpressions": [{"key": USE, "operator": "DoesNotExist"}]},
    ],
)
def test_a_selector_that_the_label_would_part_from_its_pods_is_refused(selector: dict[str, Any]) -> None:
    pods = mounting("Deployment", "a", "web")
    pods["spec"]["selector"] = selector

    assert "its selector leaves out pods with the label azure.workload.identity/use=true" in refused(pods)
    pod_template(pods)["spec"]["serviceAccountName"] = "plain"
    assert refused(pods) == ""


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {USE: "true", "app": "a"}},
        {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
        {"matchExpressions": [{"key": USE, "operator": "In", "values": ["false", "true"]}]},
        {"matchExpressions": [{"key": USE, "operator": "NotIn", "values": ["false"]}]},
        {"matchExpressions": [{"key": USE, "operator": "Exists"}]},
    ],
)
def test_a_selector_that_takes_the_label_in_passes(selector: dict[str, Any]) -> None:
    pods = mounting("StatefulSet", "a", "web")
    pods["spec"]["selector"] = selector

    assert refused(pods) == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [("serviceAccount", ["web"]), ("metadata", []), ("labels", ["a"]), ("selector", "a")],
)
def test_fields_of_another_type_are_refused(field: str, value: object) -> None:
    pods = mounting("Deployment", "a", "", "vault")
    made = pod_template(pods)
    holder = {"serviceAccount": made["spec"], "metadata": made, "labels": made["metadata"]}
    made["spec"]["serviceAccountName"] = "" if field == "serviceAccount" else "web"
    holder.get(field, pods["spec"])[field] = value

    assert refused(provider(), pods, service_account("web")).startswith("apps/Deployment a: ")
    assert "must be a" in refused(provider(), pods, service_account("web"))
