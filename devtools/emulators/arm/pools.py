"""The AKS cluster and its agent pools; AKS changes one pool at a time.

The cluster itself can only be read, because a write of it would touch every pool.
"""

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devtools.emulators.arm.errors import ArmError, not_found
from devtools.emulators.arm.http import json_body, paged
from devtools.emulators.arm.pool_rules import check_change, power
from devtools.emulators.arm.resources import Json, Operation
from devtools.emulators.arm.state import ArmState

_CLUSTERS = "Microsoft.ContainerService/managedClusters"
_POOLS = f"{_CLUSTERS}/agentPools"


def routes(state: ArmState) -> list[Route]:
    """Return the routes of the part of ARM that `azure-mgmt-containerservice` calls.

    Args:
        state: the subscription.

    Returns:
        The routes, relative to ARM's root.
    """
    handlers = _Handlers(state)
    cluster = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + _CLUSTERS + "/{cluster}"
    operations = "/subscriptions/{subscription}/providers/Microsoft.ContainerService/locations/any/operations"
    return [
        Route(cluster, handlers.get_cluster),
        Route(cluster, handlers.write_cluster, methods=["PUT", "PATCH", "DELETE"]),
        Route(cluster + "/agentPools", handlers.list_pools),
        Route(cluster + "/agentPools/{pool}", handlers.get_pool),
        Route(cluster + "/agentPools/{pool}", json_body(handlers.put_pool), methods=["PUT"]),
        Route(operations + "/{operation}", handlers.get_operation, name="operation"),
    ]


@dataclass(frozen=True)
class _Handlers:
    state: ArmState

    def check_cluster(self, request: Request) -> None:
        group, name = request.path_params["group"], request.path_params["cluster"]
        self.state.check_group(request.path_params["subscription"], group)
        self.state.cluster(group, name)

    def pool_of(self, request: Request) -> str:
        self.check_cluster(request)
        name: str = request.path_params["pool"]
        if name.casefold() not in self.state.pools:
            full_name = f"{self.state.world.cluster.name}/{name}"
            raise not_found(_POOLS, full_name, self.state.world.cluster.resource_group)
        return name.casefold()

    def get_cluster(self, request: Request) -> Response:
        self.check_cluster(request)
        return JSONResponse(_cluster_json(self.state))

    def write_cluster(self, request: Request) -> Response:
        with self.state.lock:
            self.state.cluster_writes += 1
        message = f"{request.method} of the managed cluster touches every pool of it; write one agent pool."
        raise ArmError(405, "MethodNotAllowed", message)

    def list_pools(self, request: Request) -> Response:
        self.check_cluster(request)
        with self.state.lock:
            self.state.settle()
            items = [_pool_json(self.state, name) for name in self.state.pools]
        return paged(request, items, self.state.page_size)

    def get_pool(self, request: Request) -> Response:
        name = self.pool_of(request)
        with self.state.lock:
            self.state.settle()
            return JSONResponse(_pool_json(self.state, name))

    def put_pool(self, request: Request, body: Json) -> Response:
        name, requested = self.pool_of(request), body.get("properties")
        if not isinstance(requested, dict):
            raise ArmError(400, "InvalidParameter", "Required parameter properties is missing (null).")
        with self.state.lock:
            callback, self.state.before_put = self.state.before_put, None
            if callback is not None:
                callback()
            pool = self.state.pools[name]
            _check_etag(request, str(pool["eTag"]))
            _check_idle(self.state.settle())
            check_change(name, current=pool, requested=requested)
            operation = _begin_operation(self.state, name, requested)
            answer = _pool_json(self.state, name)
        link = request.url_for(
            "operation", subscription=self.state.world.subscription, operation=operation.identifier
        ).include_query_params(**request.query_params)
        wait = str(max(1, math.ceil(self.state.operation_seconds)))
        return JSONResponse(answer, headers={"Azure-AsyncOperation": str(link), "Retry-After": wait})

    def get_operation(self, request: Request) -> Response:
        with self.state.lock:
            current = self.state.settle()
            operation = self.state.operations.get(request.path_params["operation"])
            if operation is None:
                raise ArmError(404, "NotFound", "The entity was not found.")
            return JSONResponse(_operation_json(operation, ended=operation is not current))


def _check_etag(request: Request, current: str) -> None:
    requested = request.headers.get("If-Match", "*")
    if requested not in {"*", current, f'"{current}"'}:
        message = f"The etag {requested} does not match the current one, '{current}'."
        raise ArmError(412, "PreconditionFailed", message)


def _check_idle(operation: Operation | None) -> None:
    if operation is not None:
        # https://github.com/cilium/cilium/issues/25944
        message = (
            f"Operation is not allowed: Another agentpool operation ({operation.pool} - Updating) is in "
            "progress, please wait for it to finish before starting a new operation. "
            "See https://aka.ms/aks-pending-operation for more details"
        )
        raise ArmError(409, "OperationNotAllowed", message)


def _begin_operation(state: ArmState, name: str, requested: Json) -> Operation:
    now = state.clock()
    operation = Operation(
        identifier=str(uuid.uuid4()), pool=name, started=now, ends=now + state.operation_seconds
    )
    state.operations[operation.identifier] = operation
    if state.keeps_nodes:
        state.nodes_wait_for[name] = "its nodes have not been read since it was changed"
    state.pools[name] = {
        **{field: value for field, value in requested.items() if value is not None},
        **_nodes_status(requested),
        "eTag": operation.identifier,
        "provisioningState": "Updating",
        "powerState": {"code": power(requested)},
    }
    return operation


def _nodes_status(requested: Json) -> Json:
    """Return the `virtualMachineNodesStatus` of a `VirtualMachines` pool, which only AKS writes."""
    profile = requested.get("virtualMachinesProfile")
    return {"virtualMachineNodesStatus": profile["scale"]["manual"]} if isinstance(profile, dict) else {}


def _pool_json(state: ArmState, name: str) -> Json:
    group = f"/subscriptions/{state.world.subscription}/resourceGroups/{state.world.cluster.resource_group}"
    cluster = f"{group}/providers/{_CLUSTERS}/{state.world.cluster.name}"
    properties = dict(state.pools[name])
    return {"id": f"{cluster}/agentPools/{name}", "name": name, "type": _POOLS, "properties": properties}


def _cluster_json(state: ArmState) -> Json:
    cluster = state.world.cluster
    group = f"/subscriptions/{state.world.subscription}/resourceGroups/{cluster.resource_group}"
    with state.lock:
        busy = state.settle() is not None
        profiles = [{"name": name, **properties} for name, properties in state.pools.items()]
    return {
        "id": f"{group}/providers/{_CLUSTERS}/{cluster.name}",
        "name": cluster.name,
        "type": _CLUSTERS,
        "location": state.world.location,
        "properties": {
            "provisioningState": "Updating" if busy else "Succeeded",
            "powerState": {"code": "Running"},
            "fqdn": cluster.fqdn,
            "oidcIssuerProfile": {"enabled": True, "issuerURL": cluster.issuer_url},
            "agentPoolProfiles": profiles,
        },
    }


def _operation_json(operation: Operation, *, ended: bool) -> Json:
    end_time = {"endTime": _rfc3339(operation.ends)} if ended else {}
    return {
        "name": operation.identifier,
        "status": "Succeeded" if ended else "InProgress",
        "startTime": _rfc3339(operation.started),
        **end_time,
    }


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
