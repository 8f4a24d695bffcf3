from dataclasses import replace
from typing import Any

import pytest

from provisioning.admission.key_vault import refusals
from tests.unit.provisioning.admission.conftest import POLICY, Check

OBJECTS = """
array:
  - |
    objectName: db-password-feature
    objectType: secret
  - objectName: db-user-feature
    objectType: secret
    objectAlias: USER
"""


def provider(
    check: Check,
    *,
    provider: str = "azure",
    copied: object = None,
    **parameters: object,
) -> str:
    given = {
        "keyvaultName": "kv-dev",
        "usePodIdentity": "false",
        "clientID": "x",
        "tenantId": "y",
        "objects": OBJECTS,
    }
    return check(
        "secrets-store.csi.x-k8s.io/v1",
        "SecretProviderClass",
        spec={
            "provider": provider,
            "parameters": {**given, **parameters},
            "secretObjects": [{"secretName": "db"}] if copied is None else copied,
        },
    )


def test_what_asks_for_known_secrets_of_a_known_vault_passes(check: Check) -> None:
    assert provider(check) == ""


@pytest.mark.parametrize(
    "vault", ["kv-prod", " kv-dev", "kv-dev ", "kv-dev/", "kv-dev.example.com", "kv-deV\u200b"]
)
def test_any_other_vault_is_refused(check: Check, vault: object) -> None:
    assert "is not in KEY_VAULTS (kv-dev)" in provider(check, keyvaultName=vault)
    assert "spec.parameters.keyvaultName must be something" in provider(check, keyvaultName=None)


def test_a_class_that_names_no_vault_is_told_to_name_one(check: Check) -> None:
    reason = provider(check, keyvaultName="")
    assert "parameters.keyvaultName is missing: name one of KEY_VAULTS (kv-dev)" in reason


@pytest.mark.parametrize("vault", ["KV-DEV", "Kv-Dev"])
def test_a_vault_is_the_same_in_capitals_since_azure_tells_none_apart_by_case(
    check: Check, vault: str
) -> None:
    assert provider(check, keyvaultName=vault) == ""


@pytest.mark.parametrize("cloud", ["", "AzurePublicCloud", "AZUREUSGOVERNMENTCLOUD", "AzureChinaCloud"])
def test_azures_own_clouds_pass(check: Check, cloud: str) -> None:
    assert provider(check, cloudName=cloud) == ""


@pytest.mark.parametrize("cloud", ["AzureStackCloud", " AzureStackCloud", "evil.example.com"])
def test_a_cloud_that_somebody_else_runs_is_refused(check: Check, cloud: str) -> None:
    assert "is none of Azure's own clouds" in provider(check, cloudName=cloud)


def test_another_provider_is_refused(check: Check) -> None:
    assert "its provider is 'vault'" in provider(check, provider="vault")


def test_each_name_that_matches_no_glob_is_refused(check: Check) -> None:
    reason = provider(
        check, objects="array: [{objectName: db-prod}, 'objectName: x-feature', 'objectName: y']"
    )
    assert "'db-prod' matches nothing in KEY_VAULT_OBJECTS (*-feature)" in reason
    assert "'y' matches nothing" in reason
    assert "x-feature'" not in reason


def test_the_name_that_is_read_counts_and_not_what_it_is_called_in_the_pod(check: Check) -> None:
    reason = provider(
        check, objects="array: ['{objectName: postgres-password-prod, objectAlias: x-feature}']"
    )
    assert "'postgres-password-prod' matches nothing" in reason


@pytest.mark.parametrize("kind", ["secret", "key", "cert"])
def test_names_are_judged_whatever_kind_of_object_they_are_of(check: Check, kind: str) -> None:
    entries = "array: ['{{objectName: {}, objectType: {}}}']"
    assert "'tls-prod' matches nothing" in provider(check, objects=entries.format("tls-prod", kind))
    assert provider(check, objects=entries.format("tls-feature", kind)) == ""


@pytest.mark.parametrize("name", ["PROD-FEATURE", "Db-Feature"])
def test_a_name_is_the_same_in_capitals(check: Check, name: str) -> None:
    assert provider(check, objects=f"array: ['objectName: {name}']") == ""


def test_capitals_do_not_slip_through_a_glob_that_leaves_names_out() -> None:
    spec = {
        "provider": "azure",
        "parameters": {"keyvaultName": "kv-dev", "objects": "array: ['objectName: Prod']"},
    }
    obj = {"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass", "spec": spec}

    (reason,) = refusals(obj, replace(POLICY, key_vault_objects=frozenset({"[!p]*"})))

    assert "'Prod' matches nothing" in reason


@pytest.mark.parametrize(
    "name",
    [
        "' prod-feature'",
        '"prod-feature\\n"',
        "prod/../x-feature",
        "prod%2f-feature",
        "prod?x-feature",
        "prod_feature",
        "pröd-feature",
        "x" * 120 + "-feature",
    ],
)
def test_what_is_no_name_is_refused_before_anybody_makes_another_name_of_it(check: Check, name: str) -> None:
    assert "the objectName" in provider(check, objects=f"array: [{{objectName: {name}}}]")


def test_one_version_may_be_asked_for_and_nothing_else_in_its_place(check: Check) -> None:
    entry = "array: ['{{objectName: x-feature, objectVersion: \"{}\"}}']"
    assert provider(check, objects=entry.format("0123456789abcdef0123456789abcdef")) == ""
    assert provider(check, objects=entry.format("")) == ""
    assert "letters and digits make a version" in provider(check, objects=entry.format("../prod"))
    assert "letters and digits make a version" in provider(check, objects=entry.format(".."))


@pytest.mark.parametrize(
    "name", ["clientID", "tenantId", "tenantID", "usePodIdentity", "useVMManagedIdentity"]
)
def test_whom_it_reads_as_is_corrected_later_and_only_has_to_be_text(check: Check, name: str) -> None:
    as_text: dict[str, Any] = {name: "true"}
    as_truth: dict[str, Any] = {name: True}
    assert provider(check, **as_text) == ""
    assert f"{name} must be a string" in provider(check, **as_truth)


@pytest.mark.parametrize("copied", ["x", ["x"], [{"secretName": ["x"]}]])
def test_copies_of_another_shape_are_refused(check: Check, copied: object) -> None:
    assert "must be a" in provider(check, copied=copied)


def test_parameters_that_nobody_has_judged_are_refused(check: Check) -> None:
    assert "its parameter 'cloudEnvFileName' is not let through" in provider(check, cloudEnvFileName="/x")


@pytest.mark.parametrize(
    "objects",
    [
        None,
        "",
        "array",
        "array: x",
        "array: [[]]",
        "array: [1]",
        "array: ['']",
        "array: [{}]",
        "array: ['objectName: [a]']",
        "array: ['{objectName: a-feature, objectName: prod}']",
        "array: ['objectName: a-feature\n---\nobjectName: prod']",
        "array: ['<<: {objectName: prod}']",
        "array: [{objectName: a-feature, ObjectName: prod}]",
        "array: []\nother: []",
        "array: ['objectName: !!str prod']",
        "a0: &a0 [x]\narray: [*a0",
        ["array"],
    ],
)
def test_malformed_objects_are_refused(check: Check, objects: object) -> None:
    assert "parameters.objects" in provider(check, objects=objects) or "must be a" in provider(
        check, objects=objects
    )
