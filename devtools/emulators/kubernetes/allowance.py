"""LimitRanges and ResourceQuotas: what they make of a new object, and which they refuse.

In the words of https://github.com/kubernetes/kubernetes/tree/v1.36.3/plugin/pkg/admission (`limitranger`,
`resourcequota`). Only limits on containers are known, and a quota's use is counted anew each time instead of
being kept in its status.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from coppice.manifests.quantity import quantity
from devtools.emulators.kubernetes import status
from devtools.emulators.kubernetes.kinds import LIMIT_RANGE, POD, QUOTA, Kind
from devtools.emulators.kubernetes.store import Object, Store

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_OVER = ("Succeeded", "Failed")
_BYTES = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def admitted(store: Store, kind: Kind, namespace: str, new: Object) -> Object:
    """Admit a new object, and return it with the defaults of the namespace's LimitRanges.

    Args:
        store: the store with the namespace's objects.
        kind: the object's kind.
        namespace: its namespace.
        new: the object.

    Returns:
        The object with the defaults.

    Raises:
        ApiError: 403, a LimitRange or a ResourceQuota forbids it; 422, it requests more than its limit.
    """
    name = new["metadata"].get("name", "")
    if kind == POD:
        for each in store.objects(LIMIT_RANGE, namespace):
            items = [item for item in each["spec"]["limits"] if item["type"] == "Container"]
            for item in items:
                new = _with_defaults(new, item)
        for each in store.objects(LIMIT_RANGE, namespace):
            for item in each["spec"]["limits"]:
                for why in _against(new, item) if item["type"] == "Container" else ():
                    raise status.forbidden(kind, name, why)
        if causes := list(_beyond(new)):
            raise status.invalid(kind, name, causes)
    for quota in store.objects(QUOTA, namespace):
        if _in_scope(quota, kind, new):
            _hold(store, kind, namespace, new, quota)
    return new


def _in_scope(quota: Object, kind: Kind, each: Object) -> bool:
    """Return whether a quota applies to an object. The only scope that is supported is the priority class.

    https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/quota/v1/evaluator/core/pods.go
    """
    expressions = quota["spec"].get("scopeSelector", {}).get("matchExpressions", ())
    name: str = each.get("spec", {}).get("priorityClassName", "")
    matches: dict[str, Callable[[Iterable[str]], bool]] = {
        "In": lambda values: name in values,
        "NotIn": lambda values: name not in values,
        "Exists": lambda _: bool(name),
        "DoesNotExist": lambda _: not name,
    }
    return not expressions or (
        kind == POD and all(matches[one["operator"]](one.get("values", ())) for one in expressions)
    )


def _containers(pod: Object) -> Iterator[tuple[str, int, Object]]:
    for field in ("initContainers", "containers"):
        for number, each in enumerate(pod.get("spec", {}).get(field) or ()):
            yield field, number, each


def _with_defaults(pod: Object, item: Object) -> Object:
    spec = dict(pod["spec"])
    for field in ("initContainers", "containers"):
        if field in spec:
            spec[field] = [_filled(each, item) for each in spec[field]]
    return pod | {"spec": spec}


def _filled(container: Object, item: Object) -> Object:
    """Return a container with the defaults of a LimitRange item.

    A limit without a request becomes the request too. If neither is given, both come from the item.
    """
    resources: Object = container.get("resources") or {}
    stated: Object = resources.get("limits") or {}
    requests: Object = resources.get("requests") or {}
    requests = stated | requests
    default: Object = item.get("default") or {}
    limits = default | stated
    requests = (item.get("defaultRequest") or default) | requests
    filled = {side: of for side, of in (("limits", limits), ("requests", requests)) if of}
    return container | {"resources": resources | filled}


def _against(pod: Object, item: Object) -> Iterator[str]:
    for _, _, container in _containers(pod):
        resources = container.get("resources", {})
        for bound, side, word in (("min", "requests", "minimum"), ("max", "limits", "maximum")):
            for resource, edge in item.get(bound, {}).items():
                stated = resources.get(side, {}).get(resource)
                value, most = quantity(stated), quantity(edge) or Fraction()
                if value is None:
                    yield f"{word} {resource} usage per Container is {edge}.  No {side[:-1]} is specified"
                elif value < most if bound == "min" else value > most:
                    yield f"{word} {resource} usage per Container is {edge}, but {side[:-1]} is {stated}"


def _beyond(pod: Object) -> Iterator[status.Cause]:
    for field, number, container in _containers(pod):
        resources = container.get("resources") or {}
        limits = resources.get("limits") or {}
        for resource, stated in (resources.get("requests") or {}).items():
            asked, limit = quantity(stated), quantity(limits.get(resource))
            if asked is not None and limit is not None and asked > limit:
                said = f"must be less than or equal to {resource} limit of {limits[resource]}"
                yield {
                    "reason": "FieldValueInvalid",
                    "message": f'Invalid value: "{stated}": {said}',
                    "field": f"spec.{field}[{number}].resources.requests",
                }


def _hold(store: Store, kind: Kind, namespace: str, new: Object, quota: Object) -> None:
    hard, asked = quota["spec"].get("hard", {}), _use(kind, new)
    concerned = {key: amount for key, amount in asked.items() if key in hard and amount}
    name, of = new["metadata"].get("name", ""), quota["metadata"]["name"]
    if kind == POD and (missing := [key for key in hard if _compute(key) and not asked.get(key)]):
        lacking = "; ".join(f"{key} for: {new['spec']['containers'][0]['name']}" for key in sorted(missing))
        raise status.forbidden(kind, name, f"failed quota: {of}: must specify {lacking}")
    if not concerned:
        return
    used: Counter[str] = Counter()
    for each in store.objects(kind, namespace):
        if _in_scope(quota, kind, each):
            used.update(_use(kind, each))
    over = {
        key
        for key, amount in concerned.items()
        if used.get(key, Fraction()) + amount > (quantity(hard[key]) or Fraction())
    }
    if over:
        limited = ",".join(f"{key}={hard[key]}" for key in sorted(over))
        raise status.forbidden(
            kind,
            name,
            f"exceeded quota: {of}, requested: {_listed(concerned, over)}, used: {_listed(used, over)}, "
            f"limited: {limited}",
        )


def _compute(key: str) -> bool:
    return key.partition(".")[2] in _COMPUTE and key.startswith(("requests.", "limits."))


def _use(kind: Kind, each: Object) -> dict[str, Fraction]:
    """Return how much of a quota an object uses, by the quota's keys."""
    one = Fraction(1)
    used = {f"count/{kind.resource}": one, **({} if kind.group else {kind.plural: one})}
    spec = each.get("spec", {})
    if kind.plural == "persistentvolumeclaims":
        asked = quantity(spec.get("resources", {}).get("requests", {}).get("storage"))
        return used | {"requests.storage": asked or Fraction()}
    if kind.plural == "services":
        balanced = spec.get("type") == "LoadBalancer"
        ports = len(spec.get("ports", ())) if spec.get("type") in {"LoadBalancer", "NodePort"} else 0
        return used | {"services.loadbalancers": Fraction(balanced), "services.nodeports": Fraction(ports)}
    if kind != POD:
        return used
    if each.get("status", {}).get("phase") in _OVER:
        return {f"count/{kind.resource}": one}
    return used | {
        f"{side}.{resource}": max(_sum(each, "containers", side, resource), _sum(each, "", side, resource))
        for side in ("requests", "limits")
        for resource in _COMPUTE
    }


def _sum(pod: Object, field: str, side: str, resource: str) -> Fraction:
    """Return the sum over the containers or, if `field` is empty, the maximum over the init containers."""
    amounts = [
        quantity((each.get("resources") or {}).get(side, {}).get(resource)) or Fraction()
        for of, _, each in _containers(pod)
        if (of == "containers") is bool(field)
    ]
    return sum(amounts, Fraction()) if field else max(amounts, default=Fraction())


def _listed(amounts: Mapping[str, Any], keys: set[str]) -> str:
    return ",".join(f"{key}={_shown(key, amounts.get(key, Fraction()))}" for key in sorted(keys))


def _shown(key: str, amount: Fraction) -> str:
    if amount.denominator > 1:
        return f"{float(amount * 1000):g}m"
    if key.endswith(("memory", "storage")):
        suffix, unit = next((each for each in _BYTES if amount and amount % each[1] == 0), ("", 1))
        return f"{int(amount / unit)}{suffix}"
    return str(int(amount))
