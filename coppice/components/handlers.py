"""Where the changes of components are carried out, cut by privilege: who makes environments is handed no
handler that can only take something away.
"""

from typing import Any, ClassVar, Protocol

from coppice.reconciler.plan import Change


class ProvisioningHandler(Protocol):
    """Carries out changes of a component where environments are made."""

    handles: ClassVar[tuple[type[Change], ...]]

    def provision(self, change: Any) -> None:
        """Make one change.

        Raises:
            Failure: it could not be made.
        """


class DeprovisioningHandler(Protocol):
    """Carries out changes of a component where environments are taken away. What only such a handler may do
    has no `provision`, so that nothing which provisions can be handed one.
    """

    handles: ClassVar[tuple[type[Change], ...]]

    def deprovision(self, change: Any) -> str | None:
        """Make one change; what is to be said of it beside, if anything.

        Raises:
            Failure: it could not be made.
        """
