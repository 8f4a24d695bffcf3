"""The emulator as an application: paths, content types and answers.

What it does not do: watch, field selectors, JSON and strategic merge patches, deletes of collections, schemas
beyond the well-known fields, quotas, room on nodes, admission policies, Pod Security, roles. What it would
get wrong it refuses. `tests/contract` holds what it does against a real server.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from devtools.emulators.emulator import Emulator
from devtools.emulators.kubernetes import (
    budgets,
    deletes,
    discovery,
    representations,
    selectors,
    status,
    writes,
)
from devtools.emulators.kubernetes.controller_simulator import ControllerSimulator
from devtools.emulators.kubernetes.fields import UnreadableListError
from devtools.emulators.kubernetes.kinds import BY_RESOURCE, EVENT, POD, Kind
from devtools.emulators.kubernetes.store import Object, Store
from devtools.emulators.kubernetes.world import SimulatorSettings

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}


def _utc_now() -> datetime:
    return datetime.now(UTC)


def kubernetes_app(
    *, clock: Callable[[], datetime] = _utc_now, settings: SimulatorSettings | None = None
) -> Starlette:
    """Return an emulated cluster that contains only its system namespaces.

    Args:
        clock: returns the time, with its zone; everything that takes time uses it.
        settings: how controllers and kubelet behave at the start; `POST /_emulator/player` changes it.

    Returns:
        The application. It accepts all credentials without a check. `state.simulator` is its cluster.
    """
    store = Store(clock)
    simulator = ControllerSimulator(store, settings or SimulatorSettings())

    async def api(request: Request) -> Response:
        body = await request.body()
        simulator.settle()
        try:
            response = _answer(store, request, body)
        except UnreadableListError as error:
            unreadable = status.failure(500, message=f"failed to create typed patch object: {error}")
            response = JSONResponse(unreadable, status_code=500)
        except status.ApiError as error:
            response = JSONResponse(error.status, status_code=error.code)
        simulator.settle()
        return response

    async def change_settings(request: Request) -> Response:
        try:
            simulator.change(json.loads(await request.body()))
        except (ValueError, TypeError) as error:
            return PlainTextResponse(f"not settings of the controllers: {error}\n", status_code=400)
        return Response(status_code=204)

    served = Starlette(routes=[Route("/{path:path}", api, methods=_METHODS)])
    emulator = Emulator(served, state=store.dump, error=status.failure)
    control = Route("/_emulator/player", change_settings, methods=["POST"])
    app = Starlette(routes=[control, Mount("/", emulator)])
    app.state.simulator = simulator
    return app


def _answer(store: Store, request: Request, body: bytes) -> Response:
    path = request.url.path.strip("/").split("/")
    plain = {"version": JSONResponse(_VERSION), "readyz": PlainTextResponse("ok")}
    if path[0] in plain:
        return plain[path[0]]
    if path in (["api"], ["apis"]):
        return _discovery(request, f"/{path[0]}")
    match path:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            return _no_such_page()
    if group not in discovery.GROUPS:
        return _no_such_page()
    if not rest:
        return JSONResponse(discovery.resources(group, version))
    return _objects(store, request, body, (group, version), rest)


def _no_such_page() -> Response:
    return PlainTextResponse("404 page not found\n", status_code=404)


def _discovery(request: Request, path: str) -> Response:
    if "as=APIGroupDiscoveryList" in request.headers.get("accept", ""):
        return Response(
            json.dumps(discovery.aggregated(path)), headers={"content-type": discovery.AGGREGATED}
        )
    return JSONResponse(discovery.versions() if path == "/api" else discovery.groups())


def _objects(
    store: Store, request: Request, body: bytes, group_version: tuple[str, str], path: list[str]
) -> Response:
    """Answer a request for a resource or an object, by the path after group and version."""
    namespace = ""
    if path[0] == "namespaces" and len(path) > 2 and path[2] != "status":
        namespace, path = path[1], path[2:]
    plural, name, subresource = [*path, "", ""][:3]
    group, version = group_version
    if version not in discovery.GROUPS[group] and discovery.is_custom(group):
        return _no_such_page()
    kind = BY_RESOURCE.get((group, version, plural))
    if kind is None or len(path) > 3 or (namespace and not kind.namespaced):
        raise status.no_such_resource()
    if subresource not in {"", *(["status"] if kind.status else ()), *(["eviction"] if kind == POD else ())}:
        raise status.no_such_resource()
    form = representations.negotiated(request.headers.get("accept", ""))
    if not name and request.method == "GET":
        return JSONResponse(form.of(_list(store, kind, namespace, request)))
    if kind.namespaced and not namespace:
        raise status.method_not_allowed()
    target = writes.Target(
        kind=kind,
        namespace=namespace,
        name=name,
        manager=_manager(request),
        status=subresource == "status",
        dry_run=request.query_params.get("dryRun") == "All",
    )
    if subresource == "eviction":
        if request.method != "POST":
            raise status.method_not_allowed()
        return JSONResponse(budgets.evict(store, target, _document(body)), status_code=201)
    answer, created = _object(store, target, request, body)
    return JSONResponse(form.of(answer), status_code=201 if created else 200)


def _object(store: Store, target: writes.Target, request: Request, body: bytes) -> tuple[Object, bool]:
    """Answer a request for one object, and return whether it was created."""
    created = False
    match request.method, bool(target.name), target.status:
        case "GET", True, _:
            answer = store.get(target.kind, target.namespace, target.name)
        case "POST", False, False:
            answer, created = writes.create(store, target, _document(body)), True
        case "PUT", True, _:
            answer, created = writes.replace(store, target, _document(body))
        case "PATCH", True, _:
            answer, created = _patch(store, target, request, body)
        case "DELETE", True, False:
            options = _document(body) if body else {}
            answer = deletes.delete(store, target, dict(request.query_params) | options)
        case _:
            raise status.method_not_allowed()
    return answer, created


def _list(store: Store, kind: Kind, namespace: str, request: Request) -> Object:
    query = request.query_params
    fields = query.get("fieldSelector", "")
    if "watch" in query or (fields and not (kind == EVENT and fields.startswith("type="))):
        raise status.bad_request(
            "the emulator does not know watch, nor fieldSelector but for an event's type"
        )
    selected = selectors.parse(query.get("labelSelector", ""))
    limit = query.get("limit", "0")
    if not limit.isdecimal():
        raise status.bad_request(f'strconv.ParseInt: parsing "{limit}": invalid syntax')
    items, token, remaining = store.page(
        store.objects(kind, namespace),
        chosen=lambda item: (
            selected(item["metadata"].get("labels", {}))
            and (not fields or item.get("type", "") == fields.removeprefix("type="))
        ),
        limit=int(limit),
        token=query.get("continue", ""),
    )
    if not kind.custom:
        items = [
            {field: item[field] for field in item if field not in {"kind", "apiVersion"}} for item in items
        ]
    metadata: Object = {"resourceVersion": store.revision}
    if token:
        metadata["continue"] = token
        if "labelSelector" not in query:
            metadata["remainingItemCount"] = remaining
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}


def _patch(store: Store, target: writes.Target, request: Request, body: bytes) -> tuple[Object, bool]:
    content_type = request.headers.get("content-type", "").partition(";")[0]
    if content_type == "application/merge-patch+json":
        return writes.merge_patch(store, target, _document(body)), False
    if content_type != "application/apply-patch+yaml":
        raise status.unsupported_media_type()
    if "fieldManager" not in request.query_params:
        raise status.field_manager_required()
    force = request.query_params.get("force") == "true"
    return writes.server_side_apply(store, target, _document(body), force=force)


def _manager(request: Request) -> str:
    """Return the field manager; the default is the client's name."""
    agent = request.headers.get("user-agent", "unknown").partition("/")[0]
    return request.query_params.get("fieldManager") or agent


def _document(body: bytes) -> dict[str, Any]:
    """Parse a request body; JSON is tried first because it is much faster.

    Raises:
        ApiError: 400, the body is neither a JSON nor a YAML object.
    """
    try:
        document = json.loads(body)
    except ValueError:
        try:
            document = yaml.safe_load(body)
        except yaml.YAMLError as error:
            raise status.bad_request(f"error converting YAML to JSON: {error}") from None
    if not isinstance(document, dict):
        raise status.bad_request("the body of the request is not an object")
    return document
