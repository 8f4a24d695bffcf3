"""`python -m devtools.bench.cold_worker PART`: a fresh interpreter, as `devtools.bench.cold` measures it.

At its top this module imports as little as it can: whatever is loaded already costs the worker nothing.
"""

import json
import os
import sys
import time
from collections.abc import Sequence

_BRANCH = "feature/cold"
_OPENED = "socket.connect"  # https://docs.python.org/3/library/audit_events.html


def loaded(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the modules that were loaded between two moments, in the order in which they were."""
    known = set(before)
    return [name for name in after if name not in known]


def work() -> None:
    """Reconcile the branch of a message, and end at the first socket that is opened.

    Raises:
        RuntimeError: the run ended without opening one.
    """
    import azure.functions as func

    from function_app import app

    functions = {each.get_function_name(): each.get_user_function() for each in app.get_functions()}
    body = {"repository": os.environ["GITHUB_REPOSITORY"], "branch": _BRANCH}
    message = func.QueueMessage(id="cold", body=json.dumps(body).encode())

    def heard(event: str, _: tuple[object, ...]) -> None:
        if event == _OPENED:
            _print(seconds=time.perf_counter() - began, modules=loaded(before, list(sys.modules)))
            os._exit(0)

    sys.addaudithook(heard)
    before, began = list(sys.modules), time.perf_counter()
    functions["reconcile_branch"](message, _Invocation())
    raise RuntimeError("the run opened no connection")


class _Invocation:
    """The part of the host's context that a run reads."""

    invocation_id = "cold"


def import_all(modules: Sequence[str]) -> None:
    """Import modules, and measure how long that takes."""
    import importlib

    import function_app

    assert function_app.app is not None
    began = time.perf_counter()
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:  # what a module puts into `sys.modules` itself may have no file
            continue
    _print(seconds=time.perf_counter() - began)


def _print(**what: object) -> None:
    sys.stdout.write(json.dumps(what))
    sys.stdout.flush()


def main(part: str) -> None:
    """Be the worker, or the interpreter that only imports the modules named on standard input."""
    if part == "worker":
        work()
    import_all(json.load(sys.stdin))


if __name__ == "__main__":
    main(sys.argv[1])
