"""`python -m tests.chaos.faults.worker`: runs the program in fresh processes, which a fault may kill.

The worker has imported everything and opened nothing, and forks. A fork reads lines from standard input, one
invocation a line, runs the function as the host would, and answers with a line. It ends after an empty task,
or is killed.

The program is the deployed one, with its entry point. It differs in four things: the clock, the timeout of a
call that gets no answer, one change at a time instead of several in parallel (so that the n-th call is always
the same), and a cache of kustomize's builds.
"""

import contextlib
import gc
import hashlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest
from urllib3 import HTTPConnectionPool, Timeout

import adapters.storage.queue  # noqa: F401  (otherwise each fork would import it, and the next one)
import app.http.sweeps  # noqa: F401
import coppice.reconciler.concurrency
import function_app
from adapters.kustomize.build import Kustomize
from app.container import Container
from coppice.manifests.archive import Tree
from coppice.reconciler.errors import Failure
from tests.chaos.faults.clock import Clock
from tests.support.triggers import Context

_SHORT = 0.25  # seconds


def main() -> None:
    """Fork once for each line, until there is none left."""
    indexed = function_app.app.get_functions()
    functions = {each.get_function_name(): each.get_user_function() for each in indexed}
    warm = False
    for line in sys.stdin:
        task = json.loads(line)
        if not warm:
            _ = Container(task["settings"]).reconciler  # imports and compiles everything that a fork needs
            gc.freeze()
            warm = True
        child = os.fork()
        if child == 0:
            _serve_invocations(task, functions)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        _send({"exit": os.waitstatus_to_exitcode(status)})


def _send(answer: Mapping[str, object]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _serve_invocations(
    task: Mapping[str, Any], functions: Mapping[str | None, Callable[[Any, Any], None]]
) -> None:
    clock = Clock(Path(task["clock"]))
    _prepare(clock, builds=Path(task["builds"]))

    class Program(Container):
        now = staticmethod(clock.now)

    program = Program(task["settings"])
    for name, replacement in {"container": lambda: program, "now": clock.now}.items():
        assert hasattr(function_app, name)  # a name that is not read would replace nothing
        setattr(function_app, name, replacement)
    _send({"pid": os.getpid()})
    for line in sys.stdin:
        invocation = json.loads(line)
        if not invocation:
            return
        message = invocation.get("message")
        argument = TimerRequest() if message is None else QueueMessage(body=message.encode())
        _send(_invoke(functions[invocation["function"]], argument))


def _invoke(function: Callable[[Any, Any], None], argument: object) -> Mapping[str, object]:
    try:
        function(argument, Context())
    except Failure as error:
        return {"raised": repr(error)}
    except Exception as error:  # noqa: BLE001  (as the host does; the test judges it)
        return {"raised": repr(error), "mistake": traceback.format_exc()}
    return {}


def _prepare(clock: Clock, *, builds: Path) -> None:
    time.sleep = clock.advance  # type: ignore[assignment]
    coppice.reconciler.concurrency._SIDE_BY_SIDE = 1
    Kustomize.workspace = _cached(Kustomize.workspace, builds)  # type: ignore[method-assign]
    get_timeout = HTTPConnectionPool._get_timeout

    def shortened(pool: HTTPConnectionPool, timeout: Any) -> Timeout:
        return Timeout(connect=5, read=_SHORT) if clock.short_timeout else get_timeout(pool, timeout)

    # Every client of the program takes its timeout from here.
    HTTPConnectionPool._get_timeout = shortened  # type: ignore[method-assign, assignment]


def _cached(workspace: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    @contextlib.contextmanager
    def caching(self: Kustomize, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        def cached_build(overlay: str) -> tuple[dict[str, Any], ...]:
            name = hashlib.sha256(repr((sorted(tree.items()), overlay)).encode()).hexdigest()
            file = folder / name
            if not file.exists():
                with workspace(self, tree) as build:
                    file.write_text(json.dumps(build(overlay)))
            return tuple(json.loads(file.read_text()))

        yield cached_build

    return caching


if __name__ == "__main__":
    main()
