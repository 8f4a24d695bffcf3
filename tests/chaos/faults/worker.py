"""`python -m tests.chaos.faults.worker`: runs the program, each time in a fresh process that may be killed.

It has imported everything and opened nothing, and forks. What is forked reads lines from standard input, each
of them one invocation, runs the function as the host would, and answers with a line. Then it leaves without a
word, or is killed.

The program is the deployed one, entry included. Four things are different, and all of them are named here:
its clock, its patience (no test waits thirty seconds), one change at a time instead of several side by side
(so that the n-th call is always the same), and builds that kustomize has made before are taken from a folder.
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

import adapters.storage.queue  # noqa: F401  (or it would be imported anew in each fork, as would the next)
import app.http.sweeps  # noqa: F401
import coppice.reconciler.controller
import function_app
from adapters.kustomize.build import Kustomize
from app.container import Container
from coppice.manifests.archive import Tree
from coppice.reconciler.errors import Failure
from tests.chaos.faults.clock import Clock
from tests.support.triggers import Context

_SHORT = 0.25  # seconds


def main() -> None:
    """Fork once for each line, until there are no more."""
    indexed = function_app.app.get_functions()
    functions = {each.get_function_name(): each.get_user_function() for each in indexed}
    warm = False
    for line in sys.stdin:
        task = json.loads(line)
        if not warm:
            _ = Container(task["settings"]).reconciler  # so that no fork has to import or compile anything
            gc.freeze()
            warm = True
        child = os.fork()
        if child == 0:
            _live(task, functions)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        _say({"exit": os.waitstatus_to_exitcode(status)})


def _say(answer: Mapping[str, object]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _live(task: Mapping[str, Any], functions: Mapping[str | None, Callable[[Any, Any], None]]) -> None:
    clock = Clock(Path(task["clock"]))
    _prepare(clock, builds=Path(task["builds"]))

    class Program(Container):
        now = staticmethod(clock.now)

    program = Program(task["settings"])
    vars(function_app).update(container=lambda: program, now=clock.now)
    _say({"pid": os.getpid()})
    for line in sys.stdin:
        invocation = json.loads(line)
        if not invocation:
            return
        message = invocation.get("message")
        argument = TimerRequest() if message is None else QueueMessage(body=message.encode())
        _say(_invoke(functions[invocation["function"]], argument))


def _invoke(function: Callable[[Any, Any], None], argument: object) -> Mapping[str, object]:
    try:
        function(argument, Context())
    except Failure as error:
        return {"raised": repr(error)}
    except Exception as error:  # noqa: BLE001  (as the host does; the test judges it)
        return {"raised": repr(error), "mistake": traceback.format_exc()}
    return {}


def _prepare(clock: Clock, *, builds: Path) -> None:
    time.sleep = clock.go_on  # type: ignore[assignment]
    coppice.reconciler.controller._SIDE_BY_SIDE = 1
    Kustomize.laid_out = _remembered(Kustomize.laid_out, builds)  # type: ignore[method-assign]
    patient = HTTPConnectionPool._get_timeout

    def hurrying(pool: HTTPConnectionPool, timeout: Any) -> Timeout:
        return Timeout(connect=5, read=_SHORT) if clock.hurried else patient(pool, timeout)

    # All our clients wait here.
    HTTPConnectionPool._get_timeout = hurrying  # type: ignore[method-assign, assignment]


def _remembered(laid_out: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    @contextlib.contextmanager
    def remembering(self: Kustomize, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        def remembered(overlay: str) -> tuple[dict[str, Any], ...]:
            name = hashlib.sha256(repr((sorted(tree.items()), overlay)).encode()).hexdigest()
            file = folder / name
            if not file.exists():
                with laid_out(self, tree) as build:
                    file.write_text(json.dumps(build(overlay)))
            return tuple(json.loads(file.read_text()))

        yield remembered

    return remembering


if __name__ == "__main__":
    main()
