"""The list of all components, in the order in which they are observed, planned and shown.

To add a component, implement `Component` and add an instance here.
"""

from typing import Any

from coppice.components.branch_database import BranchDatabase
from coppice.components.component import Component
from coppice.components.identity import FederatedIdentity
from coppice.components.monitoring.component import SharedMonitoring
from coppice.components.overlay import Address, Application, Fence, Secrets

COMPONENTS: tuple[Component[Any], ...] = (
    FederatedIdentity(),
    BranchDatabase(),
    Application(),
    Secrets(),
    SharedMonitoring(),
    Address(),
    Fence(),
)
