"""The default configuration of the in-memory program."""

from datetime import timedelta

from coppice.environment.config import DatabaseConfig, EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Prefixes
from tests.support.manifests import BASE_DOMAIN

REPOSITORY = "acme/todo"
TENANT = "tenant-1"
CONFIG = EnvironmentConfig(
    repository=REPOSITORY,
    include=("*",),
    exclude=("release/*",),
    prefixes=Prefixes(namespace="feature-", credential="coppice-", database="feature_"),
    base_domain=BASE_DOMAIN,
    protected=("kube-*", "feature-precious"),
    labels={"dev-gateway-access": "allowed"},
    accounts={"postgres-service-account": ""},
    pools={"": ("rg/id-0", "rg/id-1")},
    most=50,
    reapply_after=timedelta(hours=24),
    tenant=TENANT,
    digest="settings-1",
)
SERVER = DatabaseConfig(host="pg.example", port=5432, template="", secret="branch-database", connections=20)


def key(branch: str) -> Key:
    """Return the key of a branch of the repository."""
    return CONFIG.key(branch)


def namespace_of(branch: str) -> str:
    """Return the name of a branch's namespace."""
    return CONFIG.name(branch).namespace
