"""Whether the program could do its work now: each outside system is asked one cheap question."""

from collections.abc import Callable, Mapping

from app.http.responses import Response
from coppice.reconciler.errors import Failure


def health_response(checks: Mapping[str, Callable[[], object]], *, details: bool) -> Response:
    """Ask every question.

    Args:
        checks: what is asked, by the name of what answers; each raises a `Failure` if it finds something
            wrong.
        details: whether to tell messages, which name things, or codes alone.

    Returns:
        200 if all is well, else 503.
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
