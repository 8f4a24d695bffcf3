"""Read the cluster, Azure and the database server directly, without the program.

The demo and the end-to-end tests never take the program's word for what exists and what is gone.
"""

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from coppice.components.namespace import BRANCH, MANAGED_BY, REPOSITORY
from devtools.demo.databases import Databases, Login, login
from devtools.emulators.arm.world import example_world

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SYSTEM = "coppice-system"
_LOGIN = "branch-database"
_IDENTITY = (
    "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}"
    "?api-version=2023-01-31"
)


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A federated credential, and `resourceGroup/name` of the identity that it is on."""

    identity: str
    name: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Reads the cluster, Azure and the database server.

    Attributes:
        cluster: the cluster's API.
        arm: the ARM emulator.
        databases: the database server; None where PostgreSQL is not installed.
    """

    cluster: httpx.Client
    arm: httpx.Client
    databases: Databases | None = None

    def environment(self, branch: str) -> dict[str, Any] | None:
        """The namespace whose annotations name a branch, or None."""
        listed = self._items("/api/v1/namespaces", labelSelector=f"{MANAGED_BY}=coppice")
        owned = (each for each in listed if each["metadata"].get("annotations", {}).get(BRANCH) == branch)
        return next(owned, None)

    def owners(self) -> dict[str, str]:
        """The repository that each of Coppice's namespaces names, by namespace."""
        listed = self._items("/api/v1/namespaces", labelSelector=f"{MANAGED_BY}=coppice")
        found = (each["metadata"] for each in listed)
        return {each["name"]: each.get("annotations", {}).get(REPOSITORY, "") for each in found}

    def objects_of(self, namespace: str) -> dict[str, dict[str, Any]]:
        """Every object in a namespace except events, by its path."""
        paths = {
            f"{base}/namespaces/{namespace}/{plural}": kind
            for kind, base, plural, namespaced in self._kinds()
            if namespaced and kind != "Event"
        }
        return {
            f"{path}/{each['metadata']['name']}": {"kind": kind, **each}
            for path, kind in paths.items()
            for each in self._items(path)
        }

    def all_objects(self) -> list[dict[str, Any]]:
        """Every object in the cluster except events."""
        return [
            {"kind": kind, **each}
            for kind, base, plural, _ in self._kinds()
            if kind != "Event"
            for each in self._items(f"{base}/{plural}")
        ]

    def applied(self, namespace: str) -> dict[str, dict[str, Any]]:
        """The objects in a namespace that the field manager `coppice` applied, by path."""
        return {
            path: each
            for path, each in self.objects_of(namespace).items()
            if any(
                one["manager"] == "coppice" and one["operation"] == "Apply"
                for one in each["metadata"].get("managedFields", ())
            )
        }

    def objects(self, namespace: str) -> set[tuple[str, str]]:
        """The kind and name of each object in a namespace that `coppice` applied."""
        return {(each["kind"], each["metadata"]["name"]) for each in self.applied(namespace).values()}

    def credentials(self) -> list[Credential]:
        """Every federated credential."""
        state = self.arm.get("/_emulator/state").raise_for_status().json()
        return [
            Credential(identity=identity, name=each["name"], subject=each["subject"])
            for identity, held in state["credentials"].items()
            for each in held
        ]

    def credentials_of(self, namespace: str) -> list[Credential]:
        """The credentials whose subject is a service account of a namespace."""
        return [each for each in self.credentials() if each.subject.split(":")[2] == namespace]

    def client_id(self, identity: str) -> str:
        """The client id of an identity, `resourceGroup/name`."""
        group, _, name = identity.partition("/")
        found = self.arm.get(_IDENTITY.format(example_world().subscription, group, name))
        return str(found.raise_for_status().json()["properties"]["clientId"])

    def login(self, namespace: str) -> Login | None:
        """The database login in a namespace's Secret, or None."""
        found = self.cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{_LOGIN}")
        if found.status_code == 404:
            return None
        data = found.raise_for_status().json()["data"]
        return login({name: b64decode(value).decode() for name, value in data.items()})

    def pool(self, name: str) -> dict[str, Any]:
        """The properties of an agent pool that are set in ARM."""
        state = self.arm.get("/_emulator/state").raise_for_status().json()
        settings: dict[str, Any] = state["pools"][name]
        return {key: value for key, value in settings.items() if key != "eTag" and value not in ({}, None)}

    def pools_written(self) -> set[str]:
        """The agent pools that got a write, accepted or not; `managedClusters` is the cluster itself."""
        requests = self.arm.get("/_emulator/requests").raise_for_status().json()
        writes = [each["path"].split("/") for each in requests if each["method"] != "GET"]
        azure = [path for path in writes if "managedClusters" in path]
        return {path[-1] if path[-2] == "agentPools" else "managedClusters" for path in azure}

    def nodes(self, pool: str) -> list[str]:
        """The names of an agent pool's nodes."""
        selector = f"kubernetes.azure.com/agentpool={pool}"
        return [each["metadata"]["name"] for each in self._items("/api/v1/nodes", labelSelector=selector)]

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """The pods of a namespace, those that are terminating included."""
        return self._items(f"/api/v1/namespaces/{namespace}/pods")

    def warnings(self, namespace: str) -> list[str]:
        """The warning events of a namespace, one a line."""
        listed = self._items(f"/api/v1/namespaces/{namespace}/events", fieldSelector="type=Warning")
        return [
            f"{each['involvedObject']['kind']}/{each['involvedObject'].get('name')}: {each.get('message')}"
            f" ({each.get('count', 1)} times, last {each.get('lastTimestamp')})"
            for each in listed
        ]

    def records_and_leases(self) -> list[dict[str, Any]]:
        """Every record, request and lease that somebody holds in `coppice-system`."""
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{_SYSTEM}/leases"
        selector = f"{MANAGED_BY}=coppice"
        records = self._items(f"/api/v1/namespaces/{_SYSTEM}/configmaps", labelSelector=selector)
        held = (
            each for each in self._items(leases, labelSelector=selector) if each["spec"].get("holderIdentity")
        )
        return [*records, *held]

    def traces(self, *, namespace: str, branch: str) -> list[str]:
        """Everything that is left of an environment; empty once it is removed."""
        found = [f"credential {each.name} on {each.identity}" for each in self.credentials_of(namespace)]
        if self.cluster.get(f"/api/v1/namespaces/{namespace}").status_code != 404:
            found.append(f"namespace {namespace}")
        found += self.databases.of(branch) if self.databases else []
        for each in self.records_and_leases():
            metadata = each["metadata"]
            about = metadata.get("annotations", {})
            if branch == about.get(BRANCH) or about.get("coppice.dev/lock") == f"branch/{namespace}":
                found.append(f"{_SYSTEM}/{metadata['name']}")
        return found

    def leftovers(self) -> list[str]:
        """Everything that is left of any environment."""
        return [
            *(f"namespace {name}" for name in self.owners()),
            *(f"credential {each.name} on {each.identity}" for each in self.credentials()),
            *(f"{_SYSTEM}/{each['metadata']['name']}" for each in self.records_and_leases()),
            *(self.databases.leftovers() if self.databases else ()),
        ]

    def _items(self, path: str, **query: str) -> list[dict[str, Any]]:
        answer = self.cluster.get(path, params=query)
        while answer.status_code == 429:  # the API server is still preparing the storage of a new kind
            time.sleep(float(answer.headers.get("Retry-After", "1")))
            answer = self.cluster.get(path, params=query)
        if answer.status_code == 404:
            return []
        listed: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return listed

    def _kinds(self) -> Iterator[tuple[str, str, str, bool]]:
        """Each kind: its name, its API's path, its plural, and whether it is namespaced."""
        for root in ("/api", "/apis"):
            answer = self.cluster.get(root, headers={"Accept": _AGGREGATED}).raise_for_status().json()
            for group in answer["items"]:
                name, version = group["metadata"].get("name", ""), group["versions"][0]
                base = f"/apis/{name}/{version['version']}" if name else "/api/v1"
                for each in version["resources"]:
                    if {"list", "patch"} <= set(each["verbs"]):
                        kind, scope = each["responseKind"]["kind"], each["scope"]
                        yield kind, base, each["resource"], scope == "Namespaced"


def runs(log: Path, branch: str) -> list[dict[str, Any]]:
    """The program's log entries about its runs for a branch, oldest first."""
    lines = (line.partition(" run ")[2] for line in log.read_text(errors="replace").splitlines())
    logged = (json.loads(line) for line in lines if line.startswith("{"))
    return [run for run in logged if run.get("branch") == branch]
