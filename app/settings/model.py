"""The settings themselves: what there is, what each defaults to, and what must hold between them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.settings.kinds import DEFAULT_KINDS
from app.settings.values import (
    Accounts,
    Gateways,
    Identities,
    Listed,
    Mapped,
    Networks,
    Repositories,
    SecureUrl,
    ServerUrl,
    Tolerations,
)


class Settings(BaseModel):
    """The app settings. Comma-separated ones are tuples; empty optional ones are `""`."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=False)

    github_repository: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", description="owner/name")
    ]
    former_repositories: Repositories = ()
    github_api_url: SecureUrl = "https://api.github.com"
    github_token: str = ""
    github_app_id: str = ""
    github_app_installation_id: str = ""
    github_app_private_key: str = ""
    github_webhook_secret: Annotated[str, Field(min_length=8)]
    branches_include: Listed = ("*",)
    branches_exclude: Listed = ("release/*", "dependabot/*", "renovate/*", "gh-readonly-queue/*")

    namespace_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-z]([a-z0-9-]{0,28}[a-z0-9])?-$",
            description="lower-case letters, digits and '-', ending in '-', 32 at most",
        ),
    ] = "feature-"
    namespace_labels: Mapped = {"dev-gateway-access": "allowed"}
    protected_namespaces: Listed = (
        "default",
        "kube-*",
        "gatekeeper-system",
        "argocd",
        "flux-system",
        "project",
        "staging",
        "production",
    )
    base_domain: Annotated[
        str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,180}[a-z0-9])?$", description="a DNS name in lower case")
    ]
    gateways: Gateways = ("agc-shared/agc-feature-gateway",)
    manifests_path: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._/-]*$",
            description="a folder of the repository, without a leading '/'",
        ),
    ] = "manifests"
    feature_overlay: Annotated[str, Field(min_length=1)] = "overlays/feature"
    monitoring_overlay: str = "overlays/azure-feature"
    allowed_kinds: Listed = tuple(DEFAULT_KINDS.split(","))

    service_accounts: Annotated[Accounts, Field(min_length=1)] = ("postgres-service-account",)
    workload_identities: Annotated[Identities, Field(min_length=1)]
    credential_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{1,40}$",
            description="two to 41 letters, digits, '-' and '_'",
        ),
    ] = "coppice-"
    credential_settle_seconds: Annotated[float, Field(ge=0, le=600)] = 30
    key_vaults: Listed = ()
    key_vault_objects: Listed = ("*feature*",)

    azure_subscription_id: Annotated[str, Field(min_length=1)]
    azure_tenant_id: Annotated[str, Field(min_length=1)]
    azure_resource_manager_url: SecureUrl = "https://management.azure.com"
    aks_resource_group: Annotated[str, Field(min_length=1)]
    aks_cluster_name: Annotated[str, Field(min_length=1)]
    aks_oidc_issuer_url: str = ""
    kubeconfig: str = ""
    provisioning_client_id: str = ""
    deprovisioning_client_id: str = ""
    scheduler_client_id: str = ""

    database_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_]{0,30}$", description="lower-case letters, digits and '_', 31 at most"
        ),
    ] = "feature_"

    postgres_server_url: ServerUrl = ""
    database_template: str = ""
    database_secret: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
            description="the name of a Secret: lower-case letters, digits, '-' and '.', 63 at most",
        ),
    ] = "branch-database"  # noqa: S105 the name of one
    database_connections: Annotated[int, Field(ge=1, le=1000)] = 20

    fence: Annotated[str, Field(min_length=1)] = "fence"
    gateway_cidrs: Networks = ()
    database_cidrs: Networks = ()
    private_cidrs: Networks = ()
    node_selector: Mapped = {}
    tolerations: Tolerations = ()

    max_environments: Annotated[int, Field(ge=1)] = 50
    reapply_hours: Annotated[float, Field(gt=0)] = 24
    sweep_max_deletions: Annotated[int, Field(ge=0)] = 5
    schedule_file: str = ""
    console_auth: Literal["off", "easyauth"] = "off"

    @model_validator(mode="after")
    def _signed_in(self) -> Self:
        app = (self.github_app_id, self.github_app_installation_id, self.github_app_private_key)
        if not self.github_token and not all(app):
            raise ValueError(
                "one of the two is required: GITHUB_TOKEN, or GITHUB_APP_ID with "
                "GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY"
            )
        lacking = sorted({pool for pool in self.accounts.values() if pool not in self.identity_pools})
        if lacking:
            raise ValueError(
                f"SERVICE_ACCOUNTS names pool {lacking[0]!r}, of which WORKLOAD_IDENTITIES has no identity"
            )
        return self

    @property
    def accounts(self) -> dict[str, str]:
        """Service account → the pool that its identity comes from; the unnamed pool is `""`."""
        pairs = (value.partition("=") for value in self.service_accounts)
        return {name: pool for name, _, pool in pairs}

    @property
    def identity_pools(self) -> dict[str, tuple[str, ...]]:
        """Pool → its identities as `resourceGroup/identityName`, in the order given."""
        pools: dict[str, tuple[str, ...]] = {}
        for value in self.workload_identities:
            pool, colon, identity = value.partition(":")
            name, reference = (pool, identity) if colon else ("", value)
            pools[name] = (*pools.get(name, ()), reference)
        return pools
