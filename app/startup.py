"""The settings as the program begins with them: read, and told in one line."""

from collections.abc import Mapping

from app.settings import Settings, SettingsError, load, misspelt
from coppice.reconciler.correlation import logger
from coppice.reconciler.errors import NotSetUp

_log = logger("coppice")


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings; the log gets a line that names repository and cluster.

    Args:
        environment: app settings by name.

    Raises:
        NotSetUp: some are missing or wrong; the message names each.
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
    """See whether every setting is spelt as the program reads it.

    Args:
        environment: app settings by name.

    Raises:
        NotSetUp: some look like slips of the pen.
    """
    lines = misspelt(environment)
    if lines:
        raise NotSetUp("\n".join(lines))
