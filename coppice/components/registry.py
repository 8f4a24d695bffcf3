"""The components of an environment, in the order in which they are looked at, planned and shown."""

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
