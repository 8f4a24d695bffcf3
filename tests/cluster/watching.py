"""Pictures of the world, taken before each write that an emulator is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Picture:
    """A write, and the world at the moment before it.

    Attributes:
        wrote: what the write changed.
        flag: what it says at the commit that is in force.
        pods: how many of the environment's pods there are, going ones too.
        nodes: how many nodes of its pool are ready.
        commit: the one that is in force.
    """

    wrote: str
    flag: object
    pods: int
    nodes: int
    commit: str


class Scene(Protocol):
    """What pictures are taken of."""

    pictures: list[Picture]

    @property
    def pool(self) -> Mapping[str, object]: ...

    def picture(self, wrote: str) -> Picture: ...


class Watched:
    """An emulator; before each write that it is asked for, and that it does, a picture is taken."""

    def __init__(self, app: ASGIApp, method: str) -> None:
        self._app = app
        self._method = method
        self.stage: Scene | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stage = self.stage
        if stage is None or scope["type"] != "http" or scope["method"] != self._method:
            await self._app(scope, receive, send)
            return
        before = stage.pool
        picture = await run_in_threadpool(stage.picture, "commit")

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                wrote = _difference(before, stage.pool) if self._method == "PUT" else "commit"
                stage.pictures.append(replace(picture, wrote=wrote))
            await send(message)

        await self._app(scope, receive, note)


def _difference(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    parts = []
    if before.get("tags") != after.get("tags"):
        parts.append("remember" if after.get("tags") else "forget")
    if before.get("enableAutoScaling") != after.get("enableAutoScaling"):
        on = after.get("enableAutoScaling")
        parts.append(f"autoscaler {after['minCount']} to {after['maxCount']}" if on else "autoscaler off")
    if before.get("count") != after.get("count"):
        parts.append(f"count {after['count']}")
    return ", ".join(parts) or "once more"
