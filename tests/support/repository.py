"""GitHub in the in-memory world: branches, and an archive of manifests for each commit's overlay."""

import contextlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from coppice.manifests.archive import Tree
from coppice.manifests.rejection import Refusal, Rejection
from tests.support.world import World

OVERLAY = "manifests/overlays/feature"
MONITORING = "manifests/overlays/azure-feature"
_SEPARATOR = "\n---\n"
BROKEN = ({"kind": "Broken"},)  # objects that do not build


@dataclass
class Repository:
    """Reads branches and fetches archives."""

    world: World

    def default_branch(self) -> str:
        with self.world.call("read repository"):
            return self.world.default_branch

    def head(self, branch: str) -> str | None:
        with self.world.call(f"read head of {branch}"):
            return self.world.heads.get(branch)

    def heads(self) -> Mapping[str, str]:
        with self.world.call("list branches"):
            return dict(self.world.heads)

    def archive(self, commit: str) -> bytes:
        with self.world.call(f"fetch {commit}"):
            objects = self.world.trees[commit]
            return _archive(
                _SEPARATOR.join(json.dumps(each) for each in objects if not _for_all(each)),
                _SEPARATOR.join(json.dumps(each) for each in objects if _for_all(each)),
            )


@dataclass
class Fetched:
    """Returns an archive that was fetched before."""

    content: bytes

    def archive(self, commit: str) -> bytes:
        return self.content


class Builder:
    """Builds an overlay that is one file of JSON documents. JSON is YAML, and it parses quickly."""

    @contextlib.contextmanager
    def workspace(self, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        yield partial(self._build, tree)

    def _build(self, tree: Tree, overlay: str) -> tuple[dict[str, Any], ...]:
        texts = tree[f"{overlay}/objects.yaml"].decode().split(_SEPARATOR)
        built = tuple(json.loads(text) for text in texts if text)
        if any(each["kind"] == "Broken" for each in built):
            raise Rejection((Refusal(overlay, "does not build"),))
        return built


def _for_all(manifest: Mapping[str, Any]) -> bool:
    """Return whether an object is for kube-system, and so belongs to the monitoring overlay."""
    return bool((manifest.get("metadata") or {}).get("namespace") == "kube-system")


@cache
def _archive(objects: str, for_all: str) -> bytes:
    kustomization = "resources: [objects.yaml]\n"
    files = {
        f"{OVERLAY}/kustomization.yaml": kustomization,
        f"{OVERLAY}/objects.yaml": objects,
        f"{MONITORING}/kustomization.yaml": kustomization,
        f"{MONITORING}/objects.yaml": for_all,
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"todo-abc/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
