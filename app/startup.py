"""Reads the settings when the program starts, and logs one line about them."""

from collections.abc import Mapping

from app.settings import Settings, SettingsError, load, misspelt
from coppice.reconciler.correlation import logger
from coppice.reconciler.errors import NotSetUp

_log = logger("coppice")


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings, and log the repository and the cluster.

    Names that look misspelt are logged as warnings.

    Args:
        environment: app settings by name.

    Returns:
        The settings.

    Raises:
        NotSetUp: settings are missing or wrong; the message names each.
    """
    try:
        settings = load(environment)
    except SettingsError as error:
        raise NotSetUp(str(error)) from None
    for line in misspelt(environment):
        _log.warning("%s", line)
    cluster = f"{settings.aks_resource_group}/{settings.aks_cluster_name}"
    reached = f"through {settings.kubeconfig}" if settings.kubeconfig else "through Azure"
    _log.info("looking after %s on cluster %s, %s", settings.github_repository, cluster, reached)
    return settings


def check_names(environment: Mapping[str, str]) -> None:
    """Check that no app setting has a name that looks like a misspelt setting.

    Args:
        environment: app settings by name.

    Raises:
        NotSetUp: some names look misspelt; the message lists them.
    """
    lines = misspelt(environment)
    if lines:
        raise NotSetUp("\n".join(lines))
