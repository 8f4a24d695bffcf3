"""What stands after the storm, seen past the program: exactly the environments of the branches that live,
each like one that was made in calm weather; of the others nothing; and what others have, untouched.
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
class Look:
    """Everything that stands, at one moment.

    Attributes:
        kubernetes: every object by resource.
        credentials: every federated credential by identity.
        overlapping_writes: how many writes ARM refused because another one was on.
    """

    kubernetes: Mapping[str, list[dict[str, Any]]]
    credentials: Mapping[str, list[dict[str, Any]]]
    overlapping_writes: int

    def namespaces(self) -> dict[str, dict[str, Any]]:
        """The namespaces with our label, by the branch that they name."""
        found = (each for each in self.kubernetes["namespaces"] if _ours(each))
        return {each["metadata"]["annotations"][BRANCH]: each for each in found}

    def notes(self) -> set[str]:
        """The names of all records and requests."""
        return {
            each["metadata"]["name"]
            for each in self.kubernetes["configmaps"]
            if each["metadata"]["namespace"] == SYSTEM and _ours(each)
        }

    def credentials_of(self, namespace: str) -> list[tuple[str, str]]:
        """Identity and subject of those that let a service account of a namespace in."""
        return [
            (identity, each["subject"])
            for identity, held in self.credentials.items()
            for each in held
            if each["subject"].split(":")[2] == namespace
        ]

    def complete(self, branch: str, commit: str) -> bool:
        """Whether a branch's commit has been applied and is up."""
        found = self.namespaces().get(branch)
        noted = found["metadata"]["annotations"] if found else {}
        return noted.get(REVISION) == commit and noted.get(RESULT) == READY

    def environment(self, branch: str) -> Objects:
        """All that was applied for a branch, its own names, commit and identity made like any other's."""
        namespace = self.namespaces()[branch]
        name = namespace["metadata"]["name"]
        noted = namespace["metadata"]["annotations"]
        own = {name: "NAMESPACE", name.removeprefix("feature-"): "SLUG", noted[REVISION]: "COMMIT"}
        own[f"client-of-{noted[IDENTITY].partition('/')[2]}"] = "CLIENT"
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
        """Everything that is not ours, to be compared with what it was before."""
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
                for identity, held in self.credentials.items()
                for each in held
                if not each["name"].startswith("coppice-")
            ],
        }


def look(place: Stage) -> Look:
    """Look at everything."""
    azure = place.arm.get("/_emulator/state").raise_for_status().json()
    return Look(
        kubernetes=place.cluster.get("/_emulator/state").raise_for_status().json(),
        credentials=azure["credentials"],
        overlapping_writes=azure["overlapping_writes"],
    )


def wrongs(seen: Look, heads: Mapping[str, str], calm: Mapping[str, Objects]) -> Iterator[str]:
    """Everything that is not as the branches say.

    Args:
        seen: what stands.
        heads: branch → commit, of those that live.
        calm: commit → what an environment of it holds.

    Yields:
        A sentence for each.
    """
    namespaces = seen.namespaces()
    for branch in sorted(namespaces.keys() - heads.keys()):
        yield f"{branch} is gone, and its namespace stands"
    expected: dict[str, str] = {}
    for branch, commit in sorted(heads.items()):
        name = expected[branch] = namespace_of(branch)
        if not seen.complete(branch, commit):
            yield f"{branch} is not up at {commit[:12]}"
            continue
        if seen.environment(branch) != calm[commit]:
            yield f"{branch} holds something else than an environment that was made in calm weather"
        identity = namespaces[branch]["metadata"]["annotations"][IDENTITY]
        subject = f"system:serviceaccount:{name}:postgres-service-account"
        if seen.credentials_of(name) != [(identity, subject)]:
            yield f"{branch} has the credentials {seen.credentials_of(name)}"
    records = {f"record-{name}" for name in expected.values()}
    for name in sorted(seen.notes() ^ records):
        yield f"{name} {'is missing' if name in records else 'stands'}"
    ours = sum(each["name"].startswith("coppice-") for held in seen.credentials.values() for each in held)
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
