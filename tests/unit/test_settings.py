import re
from collections.abc import Mapping

import pytest

from app.settings import DEFAULT_KINDS, Settings, SettingsError, load, misspelt
from devtools.demo.world import SAMPLE
from devtools.host.settings import read_values

REQUIRED = {
    "GITHUB_REPOSITORY": "acme/todo",
    "GITHUB_TOKEN": "ghp-very-secret",
    "GITHUB_WEBHOOK_SECRET": "hush-hush-hush",
    "BASE_DOMAIN": "dev.example.com",
    "WORKLOAD_IDENTITIES": "rg/id-0,rg/id-1",
    "AZURE_SUBSCRIPTION_ID": "sub",
    "AZURE_TENANT_ID": "tenant",
    "AKS_RESOURCE_GROUP": "rg",
    "AKS_CLUSTER_NAME": "aks",
}
DEFAULTS: dict[str, object] = {
    "FORMER_REPOSITORIES": (),
    "GITHUB_API_URL": "https://api.github.com",
    "BRANCHES_INCLUDE": ("*",),
    "BRANCHES_EXCLUDE": ("release/*", "dependabot/*", "renovate/*", "gh-readonly-queue/*"),
    "NAMESPACE_PREFIX": "feature-",
    "NAMESPACE_LABELS": {"dev-gateway-access": "allowed"},
    "PROTECTED_NAMESPACES": (
        "default",
        "kube-*",
        "gatekeeper-system",
        "argocd",
        "flux-system",
        "project",
        "staging",
        "production",
    ),
    "GATEWAYS": ("agc-shared/agc-feature-gateway",),
    "MANIFESTS_PATH": "manifests",
    "FEATURE_OVERLAY": "overlays/feature",
    "MONITORING_OVERLAY": "overlays/azure-feature",
    "ALLOWED_KINDS": tuple(DEFAULT_KINDS.split(",")),
    "SERVICE_ACCOUNTS": ("postgres-service-account",),
    "CREDENTIAL_PREFIX": "coppice-",
    "AZURE_RESOURCE_MANAGER_URL": "https://management.azure.com",
    "AKS_OIDC_ISSUER_URL": "",
    "KUBECONFIG": "",
    "PROVISIONING_CLIENT_ID": "",
    "DEPROVISIONING_CLIENT_ID": "",
    "SCHEDULER_CLIENT_ID": "",
    "KEY_VAULTS": (),
    "KEY_VAULT_OBJECTS": ("*feature*",),
    "CREDENTIAL_SETTLE_SECONDS": 30,
    "POSTGRES_SERVER_URL": "",
    "DATABASE_PREFIX": "feature_",
    "DATABASE_TEMPLATE": "",
    "DATABASE_SECRET": "branch-database",
    "DATABASE_CONNECTIONS": 20,
    "FENCE": "fence",
    "GATEWAY_CIDRS": (),
    "DATABASE_CIDRS": (),
    "PRIVATE_CIDRS": (),
    "NODE_SELECTOR": {},
    "TOLERATIONS": (),
    "MAX_ENVIRONMENTS": 50,
    "REAPPLY_HOURS": 24,
    "SWEEP_MAX_DELETIONS": 5,
    "CONSOLE_AUTH": "off",
    "SWEEP_SCHEDULE": "0 */10 * * * *",
    "POWER_SCHEDULE": "0 */5 * * * *",
    "SCHEDULE_FILE": "",  # schedule.yaml, which may be missing as long as nobody names it
}
WRONG = {
    "GITHUB_REPOSITORY": "todo",
    "FORMER_REPOSITORIES": "acme/todo, todo",
    "GITHUB_WEBHOOK_SECRET": "short",
    "GITHUB_API_URL": "http://api.github.com",
    "AZURE_RESOURCE_MANAGER_URL": "ftp://management.azure.com",
    "NAMESPACE_PREFIX": "Feature_",
    "NAMESPACE_LABELS": "dev-gateway-access",
    "BASE_DOMAIN": "Dev Example",
    "GATEWAYS": "agc-feature-gateway",
    "MANIFESTS_PATH": "/etc",
    "WORKLOAD_IDENTITIES": "id-0",
    "SERVICE_ACCOUNTS": "Postgres Account",
    "CREDENTIAL_PREFIX": "-",
    "DATABASE_PREFIX": "Feature-",
    "POSTGRES_SERVER_URL": "pg.example:5432",
    "DATABASE_SECRET": "Branch Database",
    "DATABASE_CONNECTIONS": "0",
    "CREDENTIAL_SETTLE_SECONDS": "-1",
    "GATEWAY_CIDRS": "10.0.0.1/8",
    "DATABASE_CIDRS": "pg.example",
    "PRIVATE_CIDRS": "10.0.0.0/33",
    "NODE_SELECTOR": "dev",
    "TOLERATIONS": "dev:Sometimes",
    "CONSOLE_AUTH": "anyone",
    "MAX_ENVIRONMENTS": "many",
    "REAPPLY_HOURS": "0",
    "SWEEP_MAX_DELETIONS": "-1",
}


def error_of(values: Mapping[str, str]) -> list[str]:
    """The lines of the one error."""
    with pytest.raises(SettingsError) as raised:
        load(values)
    assert raised.value.__cause__ is None  # a cause would print the values
    return str(raised.value).splitlines()


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items(), ids=DEFAULTS)
def test_a_setting_that_is_not_set_has_its_documented_default(name: str, value: object) -> None:
    assert getattr(load(REQUIRED), name.lower()) == value


def test_every_setting_is_required_optional_or_has_a_default_that_is_tested() -> None:
    signing_in = {"GITHUB_APP_ID", "GITHUB_APP_INSTALLATION_ID", "GITHUB_APP_PRIVATE_KEY"}

    assert {name.upper() for name in Settings.model_fields} == {*REQUIRED, *DEFAULTS, *signing_in}


def test_one_error_names_all_that_is_missing() -> None:
    lines = error_of({})

    named = {line.split(":")[0].strip() for line in lines[1:]}
    assert named >= REQUIRED.keys() - {"GITHUB_TOKEN"}


def test_one_error_names_all_that_is_wrong() -> None:
    lines = error_of({**REQUIRED, **WRONG})

    assert {line.split(":")[0].strip() for line in lines[1:]} == WRONG.keys()


@pytest.mark.parametrize(("name", "value"), WRONG.items(), ids=WRONG)
def test_a_wrong_setting_is_named_with_what_was_expected(name: str, value: str) -> None:
    _, line = error_of({**REQUIRED, name: value})

    assert re.fullmatch(rf"  {name}: \S.+", line)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET", "GITHUB_APP_PRIVATE_KEY"])
def test_no_error_shows_a_secret(name: str) -> None:
    values = {**WRONG, "GITHUB_TOKEN": "", "GITHUB_WEBHOOK_SECRET": "", name: "s3cr3t!"}

    assert "s3cr3t!" not in "\n".join(error_of(values))


def test_signing_in_needs_a_token_or_all_of_an_app() -> None:
    without = {name: value for name, value in REQUIRED.items() if name != "GITHUB_TOKEN"}
    app = {
        "GITHUB_APP_ID": "1",
        "GITHUB_APP_INSTALLATION_ID": "2",
        "GITHUB_APP_PRIVATE_KEY": "-----BEGIN KEY-----",
    }

    assert load({**without, **app}).github_app_id == "1"
    for lacking in app:
        given = {name: value for name, value in app.items() if name != lacking}
        assert "GITHUB_TOKEN, or GITHUB_APP_ID with" in "\n".join(error_of({**without, **given}))


def test_an_empty_setting_counts_as_not_set() -> None:
    assert load({**REQUIRED, "MAX_ENVIRONMENTS": " ", "GATEWAYS": ""}) == load(REQUIRED)
    assert "GITHUB_REPOSITORY: is required" in "\n".join(error_of({**REQUIRED, "GITHUB_REPOSITORY": ""}))


def test_an_empty_monitoring_overlay_means_none() -> None:
    assert load({**REQUIRED, "MONITORING_OVERLAY": ""}).monitoring_overlay == ""


def test_lists_are_separated_by_commas() -> None:
    settings = load({**REQUIRED, "KEY_VAULTS": " one, two ,", "NAMESPACE_LABELS": "a=b, c=d=e"})

    assert settings.key_vaults == ("one", "two")
    assert settings.namespace_labels == {"a": "b", "c": "d=e"}


def test_plain_http_is_for_loopback_addresses_alone() -> None:
    settings = load({**REQUIRED, "GITHUB_API_URL": "http://127.0.0.1:9001/"})

    assert settings.github_api_url == "http://127.0.0.1:9001"
    assert error_of({**REQUIRED, "GITHUB_API_URL": "http://127.0.0.1.example.com"})


def test_pools_of_identities_may_have_names() -> None:
    settings = load(
        {
            **REQUIRED,
            "SERVICE_ACCOUNTS": "web,uploader=storage",
            "WORKLOAD_IDENTITIES": "rg/id-0,storage:rg/st-0,rg/id-1,storage:rg/st-1",
        }
    )

    assert settings.accounts == {"web": "", "uploader": "storage"}
    assert settings.identity_pools == {"": ("rg/id-0", "rg/id-1"), "storage": ("rg/st-0", "rg/st-1")}


def test_a_pool_that_an_account_names_needs_an_identity() -> None:
    lines = error_of({**REQUIRED, "SERVICE_ACCOUNTS": "uploader=storage"})

    assert "SERVICE_ACCOUNTS names pool 'storage'" in lines[1]


def test_other_variables_of_the_process_are_no_concern_of_ours() -> None:
    assert load({**REQUIRED, "PATH": "/bin", "AzureWebJobsStorage": "x"}) == load(REQUIRED)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GITHUB_REPOSITRY", "GITHUB_REPOSITORY"),
        ("BASE_DOMIAN", "BASE_DOMAIN"),
        ("KEY_VAULT", "KEY_VAULTS"),
        ("max_environments", "MAX_ENVIRONMENTS"),
        ("SWEEP_SHEDULE", "SWEEP_SCHEDULE"),
        ("AzureWebJobStorage", "AzureWebJobsStorage"),
    ],
)
def test_a_name_that_is_misspelt_is_told_with_the_one_that_is_meant(name: str, meant: str) -> None:
    assert misspelt({**REQUIRED, name: "x"}) == [f"{name} is no setting: is {meant} meant?"]
    assert f"{name} is no setting: is {meant} meant?" in "\n".join(error_of({name: "x"}))


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "GITHUB_REPOSITORY_OWNER",
        "GITHUB_REPOSITORY_ID",
        "AzureWebJobsStorage__accountName",
        "WEBSITE_SITE_NAME",
        "FUNCTIONS_WORKER_RUNTIME",
        "SWEEP_SCHEDULE",
    ],
)
def test_a_name_of_somebody_else_is_not_taken_for_a_slip(name: str) -> None:
    assert misspelt([*REQUIRED, name]) == []


def test_no_setting_is_taken_for_a_slip_of_another() -> None:
    assert misspelt(read_values(SAMPLE)) == []


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(REQUIRED).max_environments = 1
