"""Builds the health response from one cheap check of each outside system."""

from collections.abc import Callable, Mapping

from app.http.responses import Response
from coppice.reconciler.errors import Failure


def health_response(checks: Mapping[str, Callable[[], object]], *, details: bool) -> Response:
    """Run every check.

    Args:
        checks: the checks by name. A check raises a `Failure` if it finds something wrong.
        details: whether the response includes messages, which name resources, and not only codes.

    Returns:
        200 if every check passes, else 503.
    """
    found: dict[str, Failure] = {}
    for name, check in checks.items():
        try:
            check()
        except Failure as failure:
            found[name] = failure
    codes = {name: found[name].code if name in found else "ok" for name in checks}
    messages = {"messages": {name: failure.message for name, failure in found.items()}} if details else {}
    return Response(
        503 if found else 200, {"status": "degraded" if found else "ok", "checks": codes, **messages}
    )
