"""Converts the settings to the configuration objects of the other packages, which do not know the settings.

Each object is built once, when the container first needs it. The admission policy is the exception: it holds
the names of one environment, so it is built for each overlay.
"""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.postgres.address import address
from app.settings import RENDERING
from coppice.environment.config import DatabaseConfig, EnvironmentConfig
from coppice.environment.naming import Name, Prefixes
from coppice.reconciler.errors import NotSetUp
from provisioning.admission import AdmissionPolicy
from provisioning.fence import FenceConfig, egress
from provisioning.fence_files import load
from provisioning.placement import Placement, tolerations
from provisioning.renderer import Layout
from provisioning.secrets import VaultConfig

if TYPE_CHECKING:
    from app.settings import Settings
    from app.settings.databases import DatabaseSettings


def database_config(settings: "DatabaseSettings") -> DatabaseConfig | None:
    """Build the configuration of the branches' databases.

    Args:
        settings: the settings.

    Returns:
        The configuration; `None` if branches get no database.

    Raises:
        NotSetUp: the server's URL cannot be used.
    """
    if not settings.postgres_server_url:
        return None
    at = address(settings.postgres_server_url)
    return DatabaseConfig(
        host=at.host,
        port=at.port,
        template=settings.database_template,
        secret=settings.database_secret,
        connections=settings.database_connections,
    )


def fence_config(settings: "Settings", folder: Path) -> FenceConfig:
    """Build the configuration that the fences of all environments share.

    Args:
        settings: the settings.
        folder: the app's folder.

    Returns:
        The configuration, with the templates from the files in the folder that setting `FENCE` names.

    Raises:
        NotSetUp: the fence's files are missing or have mistakes.
    """
    place = folder / settings.fence
    files = {each.name: each for pattern in ("*.yaml", "*.yml") for each in place.glob(pattern)}
    if not files:
        raise NotSetUp(f"FENCE names {place}, and there is no YAML file in it")
    try:
        templates = load({name: file.read_text(encoding="utf-8") for name, file in files.items()})
    except (ValueError, OSError) as error:
        raise NotSetUp(f"the files of the fence in {place} have mistakes:\n{error}") from None
    return FenceConfig(
        templates=templates,
        gateway=settings.gateway_cidrs,
        database=settings.database_cidrs,
        private=settings.private_cidrs,
        delivered=(settings.database_secret,) if settings.postgres_server_url else (),
    )


def layout(settings: "Settings", fenced: FenceConfig) -> Layout:
    """Build the layout: where a commit's overlays are, and what the renderer adds to their objects.

    Args:
        settings: the settings.
        fenced: the configuration that all fences share.

    Returns:
        The layout.
    """
    folder = settings.manifests_path.rstrip("/")
    overlays = (settings.feature_overlay, settings.monitoring_overlay)
    return Layout(
        manifests=folder,
        overlays=tuple(f"{folder}/{each}" for each in overlays if each),
        tenant=settings.azure_tenant_id,
        accounts=settings.accounts,
        vaults=VaultConfig(vaults=settings.key_vaults, objects=settings.key_vault_objects),
        fence=fenced,
        placement=Placement(
            node_selector=settings.node_selector, tolerations=tolerations(",".join(settings.tolerations))
        ),
    )


def admission_policy(settings: "Settings", fenced: FenceConfig, name: Name) -> AdmissionPolicy:
    """Build the admission policy for one environment's overlay.

    Args:
        settings: the settings.
        fenced: the configuration that all fences share.
        name: the environment's names.

    Returns:
        The policy.
    """
    return AdmissionPolicy(
        namespace=name.namespace,
        allowed_kinds=frozenset(settings.allowed_kinds),
        hosts=frozenset(name.hosts),
        gateways=frozenset(settings.gateways),
        key_vaults=frozenset(settings.key_vaults),
        key_vault_objects=frozenset(settings.key_vault_objects),
        database_secret=settings.database_secret if settings.postgres_server_url else "",
        egress=egress(fenced),
        node_labels=frozenset(settings.node_selector),
        tolerations=tolerations(",".join(settings.tolerations)),
    )


def environment_config(settings: "Settings", fenced: FenceConfig) -> EnvironmentConfig:
    """Build the configuration of environments: which branches get one, its names and its components.

    Args:
        settings: the settings.
        fenced: the configuration that all fences share.

    Returns:
        The configuration.

    Raises:
        NotSetUp: the database server's URL cannot be used.
    """
    server = database_config(settings)
    return EnvironmentConfig(
        repository=settings.github_repository,
        former=settings.former_repositories,
        include=settings.branches_include,
        exclude=settings.branches_exclude,
        prefixes=Prefixes(
            namespace=settings.namespace_prefix,
            credential=settings.credential_prefix,
            database=settings.database_prefix,
        ),
        base_domain=settings.base_domain,
        protected=settings.protected_namespaces,
        labels=settings.namespace_labels,
        accounts=settings.accounts,
        pools=settings.identity_pools,
        most=settings.max_environments,
        reapply_after=timedelta(hours=settings.reapply_hours),
        tenant=settings.azure_tenant_id,
        settle=timedelta(seconds=settings.credential_settle_seconds),
        databases=server,
        digest=_digest(settings, fenced, server),
    )


def _digest(settings: "Settings", fenced: FenceConfig, server: DatabaseConfig | None) -> str:
    """Return a digest of the settings that affect rendering.

    Settings that render the same have the same digest. It contains no password, because namespaces show it.
    """
    told = {
        **settings.model_dump(mode="json", include=set(RENDERING)),
        "fence": fenced.templates,
        "postgres_server_url": f"{server.host}:{server.port}" if server else "",
    }
    rendering = {name: told[name] for name in RENDERING}
    return hashlib.sha256(json.dumps(rendering, sort_keys=True).encode()).hexdigest()[:16]
