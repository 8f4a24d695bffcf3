"""The protocols of the handlers that execute the changes of components.

They are separated by privilege. A handler that only removes implements `DeprovisioningHandler` and has no
`provision`, so the provisioning executor cannot be given it.
"""

from typing import Any, ClassVar, Protocol

from coppice.reconciler.plan import Change


class ProvisioningHandler(Protocol):
    """Executes changes of a component for the provisioning executor.

    Attributes:
        handles: the types of the changes that it executes.
    """

    handles: ClassVar[tuple[type[Change], ...]]

    def provision(self, change: Any) -> None:
        """Execute one change.

        Args:
            change: an instance of one of `handles`.

        Raises:
            Failure: the change could not be made.
        """


class DeprovisioningHandler(Protocol):
    """Executes changes of a component for the deprovisioning executor.

    A handler whose changes only deprovisioning may make implements this protocol alone.

    Attributes:
        handles: the types of the changes that it executes.
    """

    handles: ClassVar[tuple[type[Change], ...]]

    def deprovision(self, change: Any) -> str | None:
        """Execute one change.

        Args:
            change: an instance of one of `handles`.

        Returns:
            A message about the change that is reported with it; `None` if there is none.

        Raises:
            Failure: the change could not be made.
        """
