"""A cluster whose nodes become ready when a test says so, and whose evictions are counted."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from kubernetes.client import Configuration
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from adapters.kubernetes.client import Api
from devtools.cluster.nodes import node
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.kubernetes.world import SimulatorSettings
from devtools.emulators.serving import serving

CLUSTER = ("rg-coppice", "aks-coppice")
NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/default/pods"


@dataclass(kw_only=True)
class Cluster:
    """The emulator, with what it leaves out: evictions, and nodes that become ready."""

    http: httpx.Client
    api: Api
    protected: set[str]
    evictions: list[str] = field(default_factory=list)

    def nodes(self, pool: str) -> dict[str, Any]:
        items = self.http.get(NODES, params={"labelSelector": f"agentpool={pool}"}).json()["items"]
        return {each["metadata"]["name"]: each for each in items}

    def pods(self) -> set[str]:
        return {each["metadata"]["name"] for each in self.http.get(PODS).json()["items"]}

    def make_ready(self) -> None:
        status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        for each in self.http.get(NODES).json()["items"]:
            merge(self.http, f"{NODES}/{each['metadata']['name']}/status", status)

    def add_pod(self, name: str, machine: str, **metadata: Any) -> None:
        spec = {"nodeName": machine, "containers": [{"name": "web", "image": "registry.example/web:1"}]}
        body = {"metadata": {"name": name, **metadata}, "spec": spec}
        self.http.post(PODS, json=body).raise_for_status()

    def fail(self, **failure: Any) -> None:
        self.http.post("/_emulator/fail", json=failure).raise_for_status()


def merge(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    http.patch(path, content=json.dumps(body), headers=headers).raise_for_status()


@contextlib.contextmanager
def playing() -> Iterator[Cluster]:
    """Play it, for as long as the context lasts."""
    protected: set[str] = set()
    evictions: list[str] = []
    real = kubernetes_app(settings=SimulatorSettings(node_ready_seconds=None))

    async def evict(request: Request) -> Response:
        pod = request.path_params["pod"]
        body = await request.json()
        assert (body["kind"], body["metadata"]["name"]) == ("Eviction", pod)
        evictions.append(pod)
        if pod in protected:
            # As a real server says it.
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            answer = {"kind": "Status", "reason": "TooManyRequests", "code": 429, "message": message}
            return JSONResponse(answer, status_code=429)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(real), base_url="http://inside") as inside:
            options = {"preconditions": body["deleteOptions"]["preconditions"]}
            gone = await inside.request("DELETE", f"{PODS}/{pod}", json=options)
        return JSONResponse(gone.json(), status_code=gone.status_code)

    app = Starlette(routes=[Route(PODS + "/{pod}/eviction", evict, methods=["POST"]), Mount("/", real)])
    with serving(app) as url, httpx.Client(base_url=url) as http:
        api = Api(Configuration(host=url))
        yield Cluster(http=http, api=api, protected=protected, evictions=evictions)


def waits(arm: Any) -> dict[str, str]:
    told: dict[str, str] = httpx.get(f"{arm.url}/_emulator/state").json()["nodes_wait_for"]
    return told


def provisioning(arm: Any, pool: str) -> str:
    return str(arm.aks.agent_pools.get(*CLUSTER, pool).provisioning_state)


def change(arm: Any, name: str, **changes: object) -> Any:
    pool = arm.aks.agent_pools.get(*CLUSTER, name)
    for key, value in changes.items():
        setattr(pool, key, value)
    answers: list[Any] = []
    arm.aks.agent_pools.begin_create_or_update(
        *CLUSTER, name, pool, polling=False, raw_response_hook=lambda it: answers.append(it.http_response)
    )
    return answers[0].headers["Azure-AsyncOperation"]


def machine(pool: str, number: int) -> str:
    return str(node(pool, number)["metadata"]["name"])
