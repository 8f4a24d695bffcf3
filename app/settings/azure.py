"""The settings about identities, the cluster, and how Azure is reached."""

from typing import Annotated, ClassVar

from pydantic import Field

from app.settings.declaration import Section, Setting
from app.settings.values import Accounts, CredentialPrefix, Identities, SecureUrl


class AzureSettings(Section):
    """The identities of environments, those of the program, and the cluster."""

    title: ClassVar[str] = "Identities and Azure"

    service_accounts: Annotated[
        Accounts,
        Field(min_length=1),
        Setting(
            "service accounts that get a federated credential; "
            "`name=pool` takes its identity from a named pool",
            example="api,worker=storage",
            renders=True,
        ),
    ] = ("postgres-service-account",)
    workload_identities: Annotated[
        Identities,
        Field(min_length=1),
        Setting(
            "the identities that credentials are spread over, `resourceGroup/identityName`; "
            "`pool:resourceGroup/identityName` for a named pool",
            example="rg-dev/id-feature-1,rg-dev/id-feature-2",
        ),
    ]
    credential_settle_seconds: Annotated[
        float,
        Field(ge=0, le=600),
        Setting(
            "seconds that a new credential has to have stood before pods start: Entra sees it late",
            example="60",
        ),
    ] = 30
    credential_prefix: Annotated[
        CredentialPrefix, Setting("what a federated credential's name begins with", example="preview-")
    ] = "coppice-"
    azure_subscription_id: Annotated[
        str,
        Field(min_length=1),
        Setting(
            "subscription of the cluster and of the identities",
            example="00000000-0000-0000-0000-000000000001",
        ),
    ]
    azure_tenant_id: Annotated[
        str,
        Field(min_length=1),
        Setting(
            "Entra tenant, written into each `SecretProviderClass`",
            example="00000000-0000-0000-0000-00000000000a",
            renders=True,
        ),
    ]
    azure_resource_manager_url: Annotated[
        SecureUrl,
        Setting(
            "Azure Resource Manager; https, or http on a loopback address, to which no token is sent",
            example="https://management.usgovcloudapi.net",
        ),
    ] = "https://management.azure.com"
    aks_resource_group: Annotated[
        str, Field(min_length=1), Setting("the cluster's resource group", example="rg-dev")
    ]
    aks_cluster_name: Annotated[str, Field(min_length=1), Setting("the cluster", example="aks-dev")]
    aks_oidc_issuer_url: Annotated[
        str,
        Setting(
            "issuer of its service-account tokens; empty: read from the cluster's resource",
            example="https://northeurope.oic.prod-aks.azure.com/…/…/",
        ),
    ] = ""
    kubeconfig: Annotated[
        str,
        Setting(
            "reach the cluster through this file, instead of through Azure and an Entra token; a part acts "
            "through the context that bears its client id as name, else through the current one",
            example="build/emulators/kubeconfig",
        ),
    ] = ""
    provisioning_client_id: Annotated[
        str,
        Setting(
            "client id of the managed identity that looks, and makes environments; "
            "empty: the app's system-assigned one",
            example="00000000-0000-0000-0000-0000000000c1",
        ),
    ] = ""
    deprovisioning_client_id: Annotated[
        str, Setting("the same for what removes them", example="00000000-0000-0000-0000-0000000000c2")
    ] = ""
    scheduler_client_id: Annotated[
        str,
        Setting(
            "the same for what puts environments to sleep", example="00000000-0000-0000-0000-0000000000c3"
        ),
    ] = ""
