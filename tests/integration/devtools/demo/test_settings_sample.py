"""The sample of local.settings.json: every setting, and values that work against the emulators."""

from urllib.parse import urlsplit

import pytest

from app.settings import Settings, load
from devtools.demo.world import SAMPLE
from devtools.emulators.arm.world import example_world
from devtools.host.settings import read_values

OTHERS = {
    "AzureWebJobsStorage",
    "FUNCTIONS_WORKER_RUNTIME",
    "LOCAL_FUNCTION_KEY",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}


def test_the_sample_names_every_setting_and_nothing_else() -> None:
    assert set(read_values(SAMPLE)) == {name.upper() for name in Settings.model_fields} | OTHERS


def test_the_sample_is_valid_as_it_stands() -> None:
    assert load(read_values(SAMPLE)).github_repository == "acme/todo-app"


def test_the_sample_names_defaults_where_it_does_not_have_to_differ() -> None:
    given = load(read_values(SAMPLE))
    fields = Settings.model_fields
    changed = {name for name, field in fields.items() if getattr(given, name) != field.default}
    assert changed == {
        "aks_cluster_name",
        "aks_resource_group",
        "azure_resource_manager_url",
        "azure_subscription_id",
        "azure_tenant_id",
        "base_domain",
        "credential_settle_seconds",
        "github_api_url",
        "github_repository",
        "github_token",
        "github_webhook_secret",
        "key_vaults",
        "kubeconfig",
        "workload_identities",
    }


def test_the_sample_names_what_stands_in_the_example_world() -> None:
    given, there = load(read_values(SAMPLE)), example_world()
    assert given.azure_subscription_id == there.subscription
    assert given.azure_tenant_id == there.tenant
    assert (given.aks_resource_group, given.aks_cluster_name) == (
        there.cluster.resource_group,
        there.cluster.name,
    )
    assert set(given.workload_identities) == {f"{one.resource_group}/{one.name}" for one in there.identities}


@pytest.mark.parametrize("setting", ["AZURE_RESOURCE_MANAGER_URL", "GITHUB_API_URL"])
def test_the_sample_leads_to_loopback_alone(setting: str) -> None:
    assert urlsplit(read_values(SAMPLE)[setting]).hostname == "127.0.0.1"
