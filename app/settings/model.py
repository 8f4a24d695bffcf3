"""All settings in one object, what must hold between them, and which of them decide about rendering."""

from typing import Self

from pydantic import model_validator

from app.settings.azure import AzureSettings
from app.settings.databases import DatabaseSettings
from app.settings.declaration import Section, Setting, declared
from app.settings.environments import EnvironmentSettings
from app.settings.fence import FenceSettings
from app.settings.github import GitHubSettings
from app.settings.host import HostSettings
from app.settings.manifests import ManifestSettings

SECTIONS: tuple[type[Section], ...] = (
    GitHubSettings,
    EnvironmentSettings,
    ManifestSettings,
    DatabaseSettings,
    FenceSettings,
    AzureSettings,
    HostSettings,
)
"""The sections, in the order of the reference."""

DECLARED: dict[str, Setting] = {
    name: setting for section in SECTIONS for name, setting in declared(section.model_fields).items()
}
"""Field → what is said about the setting, in the order of the reference."""

RENDERING = frozenset(name for name, setting in DECLARED.items() if setting.renders)
"""The fields that decide how overlays are rendered and judged: if one changes, every overlay is due again."""


class Settings(
    GitHubSettings,
    EnvironmentSettings,
    ManifestSettings,
    DatabaseSettings,
    FenceSettings,
    AzureSettings,
    HostSettings,
):
    """The app settings. Comma-separated ones are tuples; empty optional ones are `""`."""

    @model_validator(mode="after")
    def _signed_in(self) -> Self:
        app = (self.github_app_id, self.github_app_installation_id, self.github_app_private_key)
        if not self.github_token and not all(app):
            raise ValueError(
                "one of the two is required: GITHUB_TOKEN, or GITHUB_APP_ID with "
                "GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY"
            )
        return self

    @model_validator(mode="after")
    def _every_pool_has_an_identity(self) -> Self:
        missing = sorted({pool for pool in self.accounts.values() if pool not in self.identity_pools})
        if missing:
            raise ValueError(
                f"SERVICE_ACCOUNTS names pool {missing[0]!r}, of which WORKLOAD_IDENTITIES has no identity"
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
