"""Build all programs that tests on a real control plane need: `python -m devtools.cluster.build`.

The first build takes a quarter of an hour on two cores. Tests build what is missing too; this command shows
the progress.
"""

import sys

from devtools.cluster.argocd import find_argocd
from devtools.cluster.control_plane import say
from devtools.cluster.flux import find_flux
from devtools.cluster.programs import ClusterUnavailableError, find_programs


def main() -> int:
    """Build all programs; the exit code is 1 if one is not available."""
    try:
        find_programs(report=say)
        find_flux(report=say)
        find_argocd(report=say)
    except ClusterUnavailableError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
