"""The deployed app with shorter leases: the storm cannot wait a minute for each killed worker's lease.

The duration comes from the worker's environment, because no app setting has it.
"""

import os
from datetime import timedelta

from adapters.kubernetes import leases
from function_app import app

leases.DURATION = timedelta(seconds=int(os.environ["LEASE_SECONDS"]))

__all__ = ["app"]
