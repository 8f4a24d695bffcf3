"""Checks an overlay's containers against the fence's LimitRange before they are applied.

A LimitRange sets its default limit in containers that state none. A container whose request is higher than
the default would get a limit below its request, and its pod would be refused:
https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import Fields, Malformed, display_name, edited, mapping, mappings, string
from coppice.manifests.pod_templates import pod_spec, pods
from coppice.manifests.quantity import quantity
from coppice.manifests.rejection import Refusal

_CONTAINER_FIELDS = ("initContainers", "containers")


def with_limits(manifests: Sequence[Manifest], fence: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Set a container's limit to its request where the request is above the fence's default limit.

    Args:
        manifests: any objects.
        fence: the objects of the fence.

    Returns:
        The objects. Containers that state a limit, or request no more than the default, are unchanged.
    """
    defaults = {
        resource: amount
        for item in _container_items(fence)
        for resource, value in mapping(item, "default").items()
        if (amount := quantity(value)) is not None
    }
    return tuple(_with_limits(each, defaults) for each in manifests) if defaults else tuple(manifests)


def refusals(manifests: Sequence[Manifest], fence: Sequence[Manifest]) -> tuple[Refusal, ...]:
    """Find containers that the fence's LimitRange would refuse.

    Args:
        manifests: the overlay's objects, as they will be applied.
        fence: the objects of the fence.

    Returns:
        Every reason found.
    """
    items = _container_items(fence)
    return tuple(
        Refusal(display_name(each), reason) for each in manifests for reason in _reasons(each, items)
    )


def _reasons(manifest: Manifest, items: Sequence[Fields]) -> Iterator[str]:
    try:
        for container in _containers(manifest):
            name, resources = string(container, "name"), mapping(container, "resources")
            requests, limits = mapping(resources, "requests"), mapping(resources, "limits")
            for resource in dict.fromkeys((*requests, *limits)):
                for reason in _resource_reasons(
                    resource, requests.get(resource), limits.get(resource), items
                ):
                    yield f"container {name}: {reason}"
    except Malformed as error:
        yield str(error)


def _resource_reasons(
    resource: str, request: object, limit: object, items: Sequence[Fields]
) -> Iterator[str]:
    stated = [each for each in (request, limit) if each is not None]
    amounts = [amount for each in stated if (amount := quantity(each)) is not None]
    if len(amounts) < len(stated):
        yield f"resources: its {resource} is no quantity such as 250m or 1Gi"
        return
    if not amounts:  # the field is there and empty
        return
    if amounts[0] > amounts[-1]:
        yield f"it asks for {resource} {request}, more than its limit of {limit}"
    # A container that states only one of the two gets the same value, or a default within the bounds, for
    # the other.
    for item in items:
        minimum, maximum = (quantity(mapping(item, bound).get(resource)) for bound in ("min", "max"))
        if minimum is not None and amounts[0] < minimum:
            yield f"the fence lets none have less {resource} than {mapping(item, 'min')[resource]}"
        if maximum is not None and amounts[-1] > maximum:
            yield f"the fence lets none have more {resource} than {mapping(item, 'max')[resource]}"


def _container_items(fence: Sequence[Manifest]) -> list[Fields]:
    """The items about containers in the fence's LimitRanges."""
    return [
        item
        for each in fence
        if each["kind"] == "LimitRange"
        for item in mappings(mapping(each, "spec"), "limits")
        if item.get("type") == "Container"
    ]


def _containers(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    if pods(manifest):
        spec = pod_spec(manifest)
        for field in _CONTAINER_FIELDS:
            yield from mappings(spec, field)


def _with_limits(manifest: Manifest, defaults: Mapping[str, Fraction]) -> Manifest:
    found = pods(manifest)
    if found is None or not any(_missing_limits(each, defaults) for each in _containers(manifest)):
        return manifest
    return edited(manifest, (*found.template, "spec"), lambda spec: _limited_spec(spec, defaults))


def _limited_spec(spec: Mapping[str, Any], defaults: Mapping[str, Fraction]) -> Mapping[str, Any]:
    return {
        field: [_limited_container(each, defaults) for each in value]
        if field in _CONTAINER_FIELDS and value
        else value
        for field, value in spec.items()
    }


def _limited_container(container: Mapping[str, Any], defaults: Mapping[str, Fraction]) -> Mapping[str, Any]:
    missing = _missing_limits(container, defaults)
    if not missing:
        return container
    resources = mapping(container, "resources")
    return {
        **container,
        "resources": {**resources, "limits": {**mapping(resources, "limits"), **missing}},
    }


def _missing_limits(container: Mapping[str, Any], defaults: Mapping[str, Fraction]) -> dict[str, Any]:
    """Resource → the limit to set: it has a request above the default, and no limit."""
    resources = mapping(container, "resources")
    limits = mapping(resources, "limits")
    return {
        resource: value
        for resource, value in mapping(resources, "requests").items()
        if resource in defaults and resource not in limits
        if (amount := quantity(value)) is not None and amount > defaults[resource]
    }
