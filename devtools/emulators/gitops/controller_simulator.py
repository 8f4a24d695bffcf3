"""Both controllers together, look by look, and the page on which their behaviour is changed."""

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

_PAUSE = 0.25  # seconds between two looks
_STOP_TIMEOUT = 10.0  # seconds


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Player:
    """Argo CD and Flux on one cluster.

    Args:
        api: the cluster, as an administrator.
        sources: the repositories.
        settings: how they behave at first.
        clock: tells the time, with its zone; commits are as old as it says.
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
        self.trouble = ""
        cluster = Cluster(api)
        self._controllers = [
            each(cluster, sources, lambda: self.settings, clock).look for each in (ArgoCd, Flux)
        ]

    def change(self, settings: Mapping[str, Any]) -> None:
        """Change some settings, by their names.

        Raises:
            TypeError: there is no such setting.
        """
        self.settings = replace(self.settings, **settings)

    def look(self) -> None:
        """Do what is due; a cluster that does not answer is noted, and asked again at the next look."""
        try:
            for look in self._controllers:
                look()
            self.trouble = ""
        except httpx.HTTPError as error:
            self.trouble = str(error)

    @contextlib.contextmanager
    def playing(self) -> Iterator[None]:
        """Look again and again for as long as the context lasts."""
        stopped = threading.Event()

        def keep_looking() -> None:
            while not stopped.wait(_PAUSE):
                self.look()

        thread = threading.Thread(target=keep_looking, name="gitops", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join(_STOP_TIMEOUT)


def page(player: Player) -> Starlette:
    """`POST /_emulator/player` changes settings, `GET /_emulator/state` shows them and what went wrong."""

    async def change(request: Request) -> Response:
        try:
            player.change(json.loads(await request.body()))
        except (ValueError, TypeError) as error:
            return PlainTextResponse(f"not settings of the players: {error}\n", status_code=400)
        return Response(status_code=204)

    async def state(_: Request) -> Response:
        return JSONResponse({"settings": asdict(player.settings), "trouble": player.trouble})

    return Starlette(
        routes=[Route("/_emulator/player", change, methods=["POST"]), Route("/_emulator/state", state)]
    )
