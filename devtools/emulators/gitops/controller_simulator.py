"""Argo CD and Flux together, pass by pass, and the HTTP page that changes their behaviour."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from devtools.emulators.gitops.argocd import ArgoCd
from devtools.emulators.gitops.cluster import Cluster
from devtools.emulators.gitops.flux import Flux
from devtools.emulators.gitops.settings import Settings
from devtools.emulators.gitops.source import Sources

_PAUSE = 0.25  # seconds between two passes
_STOP_TIMEOUT = 10.0  # seconds


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ControllerSimulator:
    """Argo CD and Flux on one cluster.

    Args:
        api: the cluster's HTTP client, as an administrator.
        sources: the repositories.
        settings: the settings at the start.
        clock: returns the time, with its zone; the age of commits is measured by it.
    """

    def __init__(
        self,
        api: httpx.Client,
        sources: Sources,
        *,
        settings: Settings | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.settings = settings or Settings()
        self.error = ""
        cluster = Cluster(api)
        self._controllers = [
            each(cluster, sources, lambda: self.settings, clock).reconcile for each in (ArgoCd, Flux)
        ]

    def change(self, settings: Mapping[str, Any]) -> None:
        """Change the given settings.

        Raises:
            TypeError: a setting does not exist.
        """
        self.settings = replace(self.settings, **settings)

    def reconcile(self) -> None:
        """Do one pass.

        If the cluster does not respond, `error` contains the failure until a later pass succeeds.
        """
        try:
            for reconcile in self._controllers:
                reconcile()
            self.error = ""
        except httpx.HTTPError as error:
            self.error = str(error)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Reconcile repeatedly for as long as the context lasts."""
        stopped = threading.Event()

        def reconcile_repeatedly() -> None:
            while not stopped.wait(_PAUSE):
                self.reconcile()

        thread = threading.Thread(target=reconcile_repeatedly, name="gitops", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join(_STOP_TIMEOUT)


def page(simulator: ControllerSimulator) -> Starlette:
    """Return the application of the HTTP page.

    `POST /_emulator/player` changes settings. `GET /_emulator/state` returns them and the last error.
    """

    async def change(request: Request) -> Response:
        try:
            simulator.change(json.loads(await request.body()))
        except (ValueError, TypeError) as error:
            return PlainTextResponse(f"not settings of the controllers: {error}\n", status_code=400)
        return Response(status_code=204)

    async def state(_: Request) -> Response:
        return JSONResponse({"settings": asdict(simulator.settings), "trouble": simulator.error})

    return Starlette(
        routes=[Route("/_emulator/player", change, methods=["POST"]), Route("/_emulator/state", state)]
    )
