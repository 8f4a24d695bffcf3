"""The program, put together: what decides, what looks and what acts, each over its clients.

Everything is built on first use: importing this file loads no SDK, and a webhook that is answered from a
cold start pays for none. What builds a part is handed the clients and whatever else it needs; none of it
knows the container.
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
    """The program, put together from the environment.

    Args:
        environment: app settings by name.
    """

    @cached_property
    def config(self) -> "EnvironmentConfig":
        """What decides about branches."""
        from app.config import environment_config

        return environment_config(self.settings, self.fence)

    @cached_property
    def fence(self) -> "FenceConfig":
        """What the fences of all environments have in common.

        Raises:
            NotSetUp: its files are not there, or have mistakes.
        """
        from app.config import fence_config

        return fence_config(self.settings, self.folder)

    @cached_property
    def schedule(self) -> "Schedule | None":
        """The power schedule; `None` if there is none.

        Raises:
            NotSetUp: it has mistakes, or `SCHEDULE_FILE` names no file.
        """
        from app.power import schedule

        settings = self.settings
        return schedule(self.folder, settings.schedule_file, repository=settings.github_repository)

    def check(self) -> None:
        """See whether the program can begin: its settings, and the files that they name. Nothing is asked.

        Raises:
            NotSetUp: what is missing or wrong.
        """
        _ = self.settings, self.config, self.schedule

    @cached_property
    def readers(self) -> "Readers":
        """All that looks at the world and changes nothing."""
        from app.branches import readers

        return readers(self, asleep_since=self.features_asleep_since)

    @cached_property
    def reconciler(self) -> "Reconciler":
        """What reconciles branches."""
        from app.branches import reconciler

        return reconciler(self, config=self.config, fence=self.fence, readers=self.readers)

    def features_asleep_since(self) -> datetime | None:
        """Since when branch environments should be asleep; `None` if they should be awake."""
        from app.power import features_asleep_since

        return features_asleep_since(self, self.schedule)

    @cached_property
    def power(self) -> "PowerReconciler | None":
        """What switches environments; `None` if there is no schedule."""
        if self.schedule is None:
            return None
        from app.power import reconciler

        return reconciler(self, self.schedule)

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """A cheap question to each outside system, for `health`."""
        from app.health_checks import checks

        return checks(self, power=lambda: self.power, fence=lambda: self.fence)


@cache
def container() -> Container:
    """The program of this process, put together from its environment the first time that it is asked for."""
    return Container(os.environ)
