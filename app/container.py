"""The container, which builds the program: configuration, readers and reconcilers on top of the clients.

Each part is built on first use. Importing this module loads no SDK, so a webhook that arrives during a cold
start does not wait for one. The functions that build a part receive the clients and whatever else they need.
They do not know the container.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING

from app.clients import BRANCHES_QUEUE, POWER_QUEUE, Clients, now

if TYPE_CHECKING:
    from app.reconciler import Reconciler
    from coppice.components.observed import Readers
    from coppice.environment.config import EnvironmentConfig
    from provisioning.fence import FenceConfig
    from scheduler.reconciler import Reconciler as PowerReconciler
    from scheduler.schedule import Schedule

__all__ = ["BRANCHES_QUEUE", "POWER_QUEUE", "Container", "container", "now"]


class Container(Clients):
    """Builds the program from the environment variables.

    Args:
        environment: app settings by name.
    """

    @cached_property
    def config(self) -> "EnvironmentConfig":
        """The configuration of environments."""
        from app.config import environment_config

        return environment_config(self.settings, self.fence)

    @cached_property
    def fence(self) -> "FenceConfig":
        """The configuration that the fences of all environments share.

        Raises:
            NotSetUp: the fence's files are missing or have mistakes.
        """
        from app.config import fence_config

        return fence_config(self.settings, self.folder)

    @cached_property
    def schedule(self) -> "Schedule | None":
        """The power schedule; `None` if there is none.

        Raises:
            NotSetUp: the file has mistakes, or `SCHEDULE_FILE` names no file.
        """
        from app.power import schedule

        settings = self.settings
        return schedule(self.folder, settings.schedule_file, repository=settings.github_repository)

    def check(self) -> None:
        """Check the settings and the files that they name. No outside system is called.

        Raises:
            NotSetUp: something is missing or wrong; the message says what.
        """
        _ = self.settings, self.config, self.schedule

    @cached_property
    def readers(self) -> "Readers":
        """The readers of all outside systems. They change nothing."""
        from app.branches import readers

        return readers(self, asleep_since=self.features_asleep_since)

    @cached_property
    def reconciler(self) -> "Reconciler":
        """The reconciler of branch environments."""
        from app.branches import reconciler

        return reconciler(self, config=self.config, fence=self.fence, readers=self.readers)

    def features_asleep_since(self) -> datetime | None:
        """Return since when branch environments should be asleep; `None` if they should be awake."""
        from app.power import features_asleep_since

        return features_asleep_since(self, self.schedule)

    @cached_property
    def power(self) -> "PowerReconciler | None":
        """The reconciler of the power schedule's environments; `None` if there is no schedule."""
        if self.schedule is None:
            return None
        from app.power import reconciler

        return reconciler(self, self.schedule)

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Return the health checks by name. Each makes a cheap read or check."""
        from app.health_checks import checks

        return checks(self, power=lambda: self.power, fence=lambda: self.fence)


@cache
def container() -> Container:
    """Return the container of this process. The first call builds it from the environment variables."""
    return Container(os.environ)
