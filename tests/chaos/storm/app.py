"""The app as it is deployed, but for how long a lease lasts: nobody can wait a minute for each one that a
killed worker held. It is read from the environment of the worker, as no app setting says it.
"""

import os
from datetime import timedelta

from adapters.kubernetes import leases
from function_app import app

leases.DURATION = timedelta(seconds=int(os.environ["LEASE_SECONDS"]))

__all__ = ["app"]
