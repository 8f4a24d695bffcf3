"""What exists after the storm, read without the program.

It must be exactly the environments of the branches that exist, each equal to one that was made before the
storm; nothing of other branches; and what others own, unchanged.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coppice.components.namespace import BRANCH, IDENTITY, MANAGED_BY, READY, RESULT, REVISION
from tests.chaos.storm.stage import Stage
from tests.support.config import namespace_of

SYSTEM, TEAM = "coppice-system", "team-blue"
# What may differ between two environments of the same overlay, or two runs that made them.
_THEIR_OWN = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink"}

Objects = dict[tuple[str, str], Any]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything that exists at one moment.

    Attributes:
        kubernetes: every object by resource.
        credentials: every federated credential by identity.
        overlapping_writes: how many writes ARM refused because another one was in progress.
    """

    kubernetes: Mapping[str, list[dict[str, Any]]]
    credentials: Mapping[str, list[dict[str, Any]]]
    overlapping_writes: int

    def namespaces(self) -> dict[str, dict[str, Any]]:
        """The namespaces with our label, by the branch that they name."""
        found = (each for each in self.kubernetes["namespaces"] if _ours(each))
        return {each["metadata"]["annotations"][BRANCH]: each for each in found}

    def records(self) -> set[str]:
        """The names of all records and requests."""
        return {
            each["metadata"]["name"]
            for each in self.kubernetes["configmaps"]
            if each["metadata"]["namespace"] == SYSTEM and _ours(each)
        }

    def credentials_of(self, namespace: str) -> list[tuple[str, str]]:
        """Identity and subject of the credentials of a namespace's service accounts."""
        return [
            (identity, each["subject"])
            for identity, credentials in self.credentials.items()
            for each in credentials
            if each["subject"].split(":")[2] == namespace
        ]

    def complete(self, branch: str, commit: str) -> bool:
        """Whether a branch's commit is applied and ready."""
        found = self.namespaces().get(branch)
        annotations = found["metadata"]["annotations"] if found else {}
        return annotations.get(REVISION) == commit and annotations.get(RESULT) == READY

    def environment(self, branch: str) -> Objects:
        """All objects applied for a branch, with placeholders for its names, commit and identity."""
        namespace = self.namespaces()[branch]
        name = namespace["metadata"]["name"]
        annotations = namespace["metadata"]["annotations"]
        own = {name: "NAMESPACE", name.removeprefix("feature-"): "SLUG", annotations[REVISION]: "COMMIT"}
        own[f"client-of-{annotations[IDENTITY].partition('/')[2]}"] = "CLIENT"
        pattern = re.compile("|".join(map(re.escape, sorted(own, key=len, reverse=True))))
        return {
            (resource, each["metadata"]["name"]): json.loads(
                pattern.sub(lambda found: own[found[0]], json.dumps(_content(each)))
            )
            for resource, objects in self.kubernetes.items()
            for each in objects
            if each["metadata"].get("namespace") == name and _applied(each)
        }

    def foreign(self) -> dict[str, Any]:
        """Everything that the program does not own, to compare with the state before."""
        return {
            "namespaces": [each for each in self.kubernetes["namespaces"] if not _ours(each)],
            "objects": [
                each
                for objects in self.kubernetes.values()
                for each in objects
                if each["metadata"].get("namespace") in {TEAM, SYSTEM} and not _ours(each)
            ],
            "credentials": [
                (identity, each)
                for identity, credentials in self.credentials.items()
                for each in credentials
                if not each["name"].startswith("coppice-")
            ],
        }


def take_snapshot(systems: Stage) -> Snapshot:
    """Read everything from the emulators."""
    azure = systems.arm.get("/_emulator/state").raise_for_status().json()
    return Snapshot(
        kubernetes=systems.cluster.get("/_emulator/state").raise_for_status().json(),
        credentials=azure["credentials"],
        overlapping_writes=azure["overlapping_writes"],
    )


def deviations(
    snapshot: Snapshot, heads: Mapping[str, str], reference: Mapping[str, Objects]
) -> Iterator[str]:
    """Compare what exists with the branches.

    Args:
        snapshot: what exists.
        heads: the commit of each branch.
        reference: the objects of an environment, by its commit.

    Yields:
        A sentence for each deviation.
    """
    namespaces = snapshot.namespaces()
    for branch in sorted(namespaces.keys() - heads.keys()):
        yield f"{branch} is deleted, but its namespace exists"
    expected: dict[str, str] = {}
    for branch, commit in sorted(heads.items()):
        name = expected[branch] = namespace_of(branch)
        if not snapshot.complete(branch, commit):
            yield f"{branch} is not up at {commit[:12]}"
            continue
        if snapshot.environment(branch) != reference[commit]:
            yield f"{branch} differs from an environment that was made before the storm"
        identity = namespaces[branch]["metadata"]["annotations"][IDENTITY]
        subject = f"system:serviceaccount:{name}:postgres-service-account"
        if snapshot.credentials_of(name) != [(identity, subject)]:
            yield f"{branch} has the credentials {snapshot.credentials_of(name)}"
    records = {f"record-{name}" for name in expected.values()}
    for name in sorted(snapshot.records() ^ records):
        yield f"{name} {'is missing' if name in records else 'stands'}"
    ours = sum(
        each["name"].startswith("coppice-")
        for credentials in snapshot.credentials.values()
        for each in credentials
    )
    if ours != len(heads):
        yield f"{ours} credentials stand for {len(heads)} environments"


def _ours(each: Mapping[str, Any]) -> bool:
    return bool(each["metadata"].get("labels", {}).get(MANAGED_BY) == "coppice")


def _applied(each: Mapping[str, Any]) -> bool:
    writers = each["metadata"].get("managedFields", ())
    return any((one["manager"], one["operation"]) == ("coppice", "Apply") for one in writers)


def _content(each: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in each["metadata"].items() if key not in _THEIR_OWN}
    return {**{key: value for key, value in each.items() if key != "status"}, "metadata": metadata}
