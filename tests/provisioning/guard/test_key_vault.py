import pytest

from tests.provisioning.guard.conftest import Check

OBJECTS = """
array:
  - |
    objectName: db-password-feature
    objectType: secret
  - objectName: db-user-feature
    objectType: secret
    objectAlias: USER
"""


def provider(check: Check, *, provider: str = "azure", **parameters: object) -> str:
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
            "secretObjects": [{"secretName": "db"}],
        },
    )


def test_what_asks_for_known_secrets_of_a_known_vault_passes(check: Check) -> None:
    assert provider(check) == ""


@pytest.mark.parametrize("vault", ["kv-prod", "", None, "KV-DEV", "kv-dev.example.com"])
def test_any_other_vault_is_refused(check: Check, vault: object) -> None:
    assert "is not in KEY_VAULTS (kv-dev)" in provider(check, keyvaultName=vault)


def test_another_provider_is_refused(check: Check) -> None:
    assert "its provider is 'vault'" in provider(check, provider="vault")


def test_each_name_that_matches_no_glob_is_refused(check: Check) -> None:
    said = provider(check, objects="array: [{objectName: db-prod}, 'objectName: x-feature', 'objectName: y']")
    assert "'db-prod' matches nothing in KEY_VAULT_OBJECTS (*-feature)" in said
    assert "'y' matches nothing" in said
    assert "x-feature'" not in said


@pytest.mark.parametrize("name", ["usePodIdentity", "useVMManagedIdentity"])
def test_the_nodes_identity_is_not_to_be_used(check: Check, name: str) -> None:
    assert f"{name} would use another identity" in provider(check, **{name: "true"})


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
