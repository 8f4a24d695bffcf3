"""What the fence's LimitRange makes of an overlay's containers, known before it meets them.

Its default limit is for containers that say nothing. One that asks for more than that, and states no limit,
would get a limit below its request, and no pod: https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import Fields, Malformed, mapping, mappings, string
from coppice.manifests.pod_templates import pods
from coppice.manifests.quantity import quantity
from coppice.manifests.rejection import Refusal
from provisioning.names import called

_LISTS = ("initContainers", "containers")


def limited(manifests: Sequence[Manifest], fence: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Give containers that ask for more than the default limit that much as their limit.

    Args:
        manifests: any objects.
        fence: the objects of the fence.

    Returns:
        The same objects; what states its limits, or asks for no more than the default, is left alone.
    """
    default = {
        resource: amount
        for item in _items(fence)
        for resource, value in mapping(item, "default").items()
        if (amount := quantity(value)) is not None
    }
    return tuple(_limited(each, default) for each in manifests) if default else tuple(manifests)


def refusals(manifests: Sequence[Manifest], fence: Sequence[Manifest]) -> tuple[Refusal, ...]:
    """Look for containers that the fence would never let run.

    Args:
        manifests: the overlay's objects, as they are to be applied.
        fence: the objects of the fence.

    Returns:
        Every reason found.
    """
    items = _items(fence)
    return tuple(Refusal(called(each), reason) for each in manifests for reason in _reasons(each, items))


def _reasons(manifest: Manifest, items: Sequence[Fields]) -> Iterator[str]:
    try:
        for container in _containers(manifest):
            name, resources = string(container, "name"), mapping(container, "resources")
            requests, limits = mapping(resources, "requests"), mapping(resources, "limits")
            for resource in dict.fromkeys((*requests, *limits)):
                for reason in _against(resource, requests.get(resource), limits.get(resource), items):
                    yield f"container {name}: {reason}"
    except Malformed as error:
        yield str(error)


def _against(resource: str, request: object, limit: object, items: Sequence[Fields]) -> Iterator[str]:
    stated = [each for each in (request, limit) if each is not None]
    amounts = [amount for each in stated if (amount := quantity(each)) is not None]
    if len(amounts) < len(stated):
        yield f"resources: its {resource} is no quantity such as 250m or 1Gi"
        return
    if not amounts:  # named, and left empty
        return
    if amounts[0] > amounts[-1]:
        yield f"it asks for {resource} {request}, more than its limit of {limit}"
    # What states one of the two has it for the other as well, or the default, which is within the bounds.
    for item in items:
        least, most = (quantity(mapping(item, bound).get(resource)) for bound in ("min", "max"))
        if least is not None and amounts[0] < least:
            yield f"the fence lets none have less {resource} than {mapping(item, 'min')[resource]}"
        if most is not None and amounts[-1] > most:
            yield f"the fence lets none have more {resource} than {mapping(item, 'max')[resource]}"


def _items(fence: Sequence[Manifest]) -> list[Fields]:
    """What the fence says about containers."""
    return [
        item
        for each in fence
        if each["kind"] == "LimitRange"
        for item in mappings(mapping(each, "spec"), "limits")
        if item.get("type") == "Container"
    ]


def _containers(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    if made := pods(manifest):
        spec = mapping(manifest, *made.template, "spec")
        for listed in _LISTS:
            yield from mappings(spec, listed)


def _limited(manifest: Manifest, default: Mapping[str, Fraction]) -> Manifest:
    made = pods(manifest)
    if made is None or not any(_lacking(each, default) for each in _containers(manifest)):
        return manifest
    return _changed(manifest, (*made.template, "spec"), default)


def _changed(holder: Mapping[str, Any], path: Sequence[str], default: Mapping[str, Fraction]) -> Manifest:
    """A copy of the way to the containers."""
    if path:
        return {**holder, path[0]: _changed(holder[path[0]], path[1:], default)}
    return {
        field: [_with_limits(each, default) for each in value] if field in _LISTS and value else value
        for field, value in holder.items()
    }


def _with_limits(container: Mapping[str, Any], default: Mapping[str, Fraction]) -> Mapping[str, Any]:
    lacking = _lacking(container, default)
    if not lacking:
        return container
    resources = mapping(container, "resources")
    return {
        **container,
        "resources": {**resources, "limits": {**mapping(resources, "limits"), **lacking}},
    }


def _lacking(container: Mapping[str, Any], default: Mapping[str, Fraction]) -> dict[str, Any]:
    """Resource → the limit that a container needs and does not state."""
    resources = mapping(container, "resources")
    stated = mapping(resources, "limits")
    return {
        resource: value
        for resource, value in mapping(resources, "requests").items()
        if resource in default and resource not in stated
        if (amount := quantity(value)) is not None and amount > default[resource]
    }
