"""Every app setting, checked at once: one frozen object, or one error that names all that is missing or
wrong.

The names are fixed (docs/settings.md has a row for each); a setting's attribute is its name in lower case.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

DEFAULT_KINDS = (
    "ConfigMap,Secret,Service,ServiceAccount,PersistentVolumeClaim,LimitRange,ResourceQuota,"
    "apps/Deployment,apps/StatefulSet,batch/Job,batch/CronJob,"
    "autoscaling/HorizontalPodAutoscaler,keda.sh/ScaledObject,"
    "networking.k8s.io/NetworkPolicy,policy/PodDisruptionBudget,"
    "gateway.networking.k8s.io/HTTPRoute,gateway.networking.k8s.io/GRPCRoute,"
    "alb.networking.azure.io/HealthCheckPolicy,alb.networking.azure.io/RoutePolicy,"
    "alb.networking.azure.io/BackendTLSPolicy,alb.networking.azure.io/BackendLoadBalancingPolicy,"
    "alb.networking.azure.io/FrontendTLSPolicy,alb.networking.azure.io/WebApplicationFirewallPolicy,"
    "secrets-store.csi.x-k8s.io/SecretProviderClass,"
    "azmonitoring.coreos.com/PodMonitor,azmonitoring.coreos.com/ServiceMonitor,"
    "monitoring.coreos.com/PodMonitor,monitoring.coreos.com/ServiceMonitor"
)


class SettingsError(ValueError):
    """Settings are missing or wrong; the message names every one of them."""


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _mapped(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    wrong = [key for key, equals, _ in pairs if not equals or not key.strip()]
    if wrong:
        raise ValueError(f"expected key=value,key=value; {wrong[0]!r} has no '='")
    return {key.strip(): text.strip() for key, _, text in pairs}


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Mapped = Annotated[dict[str, str], BeforeValidator(_mapped)]


class Settings(BaseModel):
    """The app settings. Comma-separated ones are tuples; empty optional ones are `""`."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=False)

    github_repository: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", description="owner/name")
    ]
    github_api_url: str = "https://api.github.com"
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
    gateways: Listed = ("agc-shared/agc-feature-gateway",)
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

    service_accounts: Annotated[Listed, Field(min_length=1)] = ("postgres-service-account",)
    workload_identities: Annotated[Listed, Field(min_length=1)]
    credential_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{1,40}$",
            description="two to 41 letters, digits, '-' and '_'",
        ),
    ] = "coppice-"
    key_vaults: Listed = ()
    key_vault_objects: Listed = ("*feature*",)

    azure_subscription_id: Annotated[str, Field(min_length=1)]
    azure_tenant_id: Annotated[str, Field(min_length=1)]
    azure_resource_manager_url: str = "https://management.azure.com"
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

    max_environments: Annotated[int, Field(ge=1)] = 50
    reapply_hours: Annotated[float, Field(gt=0)] = 24
    sweep_max_deletions: Annotated[int, Field(ge=0)] = 5
    schedule_file: str = ""

    @field_validator("github_api_url", "azure_resource_manager_url")
    @classmethod
    def _secure(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            return url.rstrip("/")
        raise ValueError("expected an https URL; plain http is accepted for loopback addresses alone")

    @field_validator("gateways", "workload_identities", "service_accounts", mode="after")
    @classmethod
    def _shaped(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        pattern, example = {
            "gateways": (r"[^/]+/[^/]+", "namespace/name"),
            "workload_identities": (
                r"([^:/]+:)?[^:/]+/[^:/]+",
                "resourceGroup/identityName or pool:resourceGroup/identityName",
            ),
            "service_accounts": (r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(=[^:/=]+)?", "name or name=pool"),
        }[info.field_name or ""]
        wrong = [value for value in values if not re.fullmatch(pattern, value)]
        if wrong:
            raise ValueError(f"expected {example}, separated by commas; {wrong[0]!r} is not")
        return values

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


def load(values: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        values: app settings by name, such as the process's environment. An empty one counts as not set.

    Returns:
        The settings.

    Raises:
        SettingsError: some are missing or wrong; a line for each, and the value of none.
    """
    names = {name.upper() for name in Settings.model_fields}
    given = {name.lower(): value for name, value in values.items() if name in names and value.strip()}
    if "MONITORING_OVERLAY" in values:  # empty has a meaning here: none
        given["monitoring_overlay"] = values["MONITORING_OVERLAY"].strip()
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("\n".join(["settings are missing or wrong:", *sorted(_lines(error))])) from None


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        what = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            what = "is required"
        elif each["type"] == "string_pattern_mismatch":
            what = f"expected {Settings.model_fields[name].description}"
        lines.append(f"  {name.upper()}: {what}" if name else f"  {what}")
    return lines
