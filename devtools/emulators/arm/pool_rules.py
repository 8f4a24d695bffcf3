"""What one request may change of an agent pool.

The rules: https://learn.microsoft.com/azure/aks/scale-cluster,
https://learn.microsoft.com/azure/aks/cluster-autoscaler, https://learn.microsoft.com/azure/aks/start-stop-nodepools
and https://learn.microsoft.com/azure/aks/virtual-machines-node-pools; the messages are those that users
reported. Where no message was reported, as for stopped pools, the wording is ours, and the rule is at least
as strict as Azure's.
"""

from devtools.emulators.arm.errors import ArmError
from devtools.emulators.arm.resources import Json

_MOST_NODES = 1000
_MOST_SIZES = 5
_FIXED = ("vmSize", "osType", "type")
_RESERVED_IN_TAGS = frozenset(r"<>%&\?/")


def check_change(name: str, *, current: Json, requested: Json) -> None:
    """Check a PUT of an agent pool by the rules of AKS.

    Args:
        name: the pool's name, for the message.
        current: its current `properties`.
        requested: the requested `properties`; a property that is left out is unset, since a PUT replaces all.

    Raises:
        ArmError: 400, with the code and message of AKS.
    """
    for fixed in _FIXED:
        if requested.get(fixed) != current.get(fixed):
            message = f"Changing property 'properties.{fixed}' is not allowed."
            raise ArmError(400, "PropertyChangeNotAllowed", message)
    if current["mode"] == "System" and requested.get("mode") != "System":
        raise ArmError(400, "MustDefineAtLeastOneSystemPool", "Must define at least one system pool.")
    _check_power(name, current=current, requested=requested)
    if current["type"] == "VirtualMachines":
        _check_virtual_machines(requested)
        _check_tags(requested.get("tags") or {})
        return
    _check_size(requested)
    _check_autoscaler(name, current=current, requested=requested)
    _check_tags(requested.get("tags") or {})


def power(properties: Json) -> str:
    """Return the power state of a pool: `Running` or `Stopped`."""
    state = properties.get("powerState")
    return str(state.get("code") or "Running") if isinstance(state, dict) else "Running"


def _check_power(name: str, *, current: Json, requested: Json) -> None:
    current_power, target = power(current), power(requested)
    if target not in {"Running", "Stopped"}:
        raise _invalid("powerState")
    if target == "Running":
        return
    if requested.get("mode") == "System":
        raise ArmError(
            400, "OperationNotAllowed", f"Agent pool '{name}' is a system pool and cannot be stopped."
        )
    if current_power == "Running" and current["provisioningState"] != "Succeeded":
        message = (
            f"Agent pool '{name}' is {current['provisioningState']}: only one that Succeeded can be stopped."
        )
        raise ArmError(400, "OperationNotAllowed", message)
    sized = ("count", "enableAutoScaling", "minCount", "maxCount")
    if any(requested.get(each) != current.get(each) for each in sized):
        raise ArmError(400, "OperationNotAllowed", f"Agent pool '{name}' is stopped and cannot be scaled.")


def _check_virtual_machines(requested: Json) -> None:
    """Check a pool of type `VirtualMachines`, which has a number of machines of each size, and no count."""
    for foreign in ("count", "minCount", "maxCount"):
        if requested.get(foreign) is not None:
            raise _invalid(foreign)
    profile = requested.get("virtualMachinesProfile")
    scale = profile.get("scale") if isinstance(profile, dict) else None
    manual = scale.get("manual") if isinstance(scale, dict) else None
    if not isinstance(manual, list) or not 1 <= len(manual) <= _MOST_SIZES:
        raise _invalid("virtualMachinesProfile")
    for each in manual:
        if not isinstance(each.get("count"), int) or not 0 <= each["count"] <= _MOST_NODES:
            raise _invalid("virtualMachinesProfile")


def _check_size(requested: Json) -> None:
    count = requested.get("count")
    if not isinstance(count, int):
        raise ArmError(400, "InvalidParameter", "Required parameter properties.count is missing (null).")
    least = 1 if requested.get("mode") == "System" else 0
    if not least <= count <= _MOST_NODES:
        raise _invalid("count")


def _check_autoscaler(name: str, *, current: Json, requested: Json) -> None:
    was_on, on = bool(current.get("enableAutoScaling")), bool(requested.get("enableAutoScaling"))
    bounds = (requested.get("minCount"), requested.get("maxCount"))
    if on:
        least, most = bounds
        if not isinstance(least, int) or not 0 <= least <= _MOST_NODES:
            raise _invalid("minCount")
        if not isinstance(most, int) or not max(1, least) <= most <= _MOST_NODES:
            raise _invalid("maxCount")
        if least == 0 and requested.get("mode") == "System":
            raise _invalid("minCount")
    elif bounds != (None, None):
        raise _invalid("minCount" if bounds[0] is not None else "maxCount")
    if requested["count"] == current["count"] or not (was_on or on):
        return
    # The message for `enable` is that of https://github.com/Azure/AKS/issues/1248; the others follow it.
    switch = {(True, True): "update", (False, True): "enable", (True, False): "disable"}[was_on, on]
    message = (
        f"Cannot manually scale and {switch} cluster autoscaler in the same update operation "
        f"on VMSS Agentpool '{name}'."
    )
    raise ArmError(400, "InvalidParameter", message)


def _check_tags(tags: object) -> None:
    # For example, a tag that stores a pool's size cannot be named like an annotation, which has a slash.
    # https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
    if not isinstance(tags, dict):
        raise _invalid("tags")
    bad = [tag for tag in tags if _RESERVED_IN_TAGS & set(tag) or len(tag) > 512]
    if bad:
        message = f"The tag names '{','.join(bad)}' have reserved characters '<,>,%,&,\\,?,/'."
        raise ArmError(400, "InvalidTagNameCharacters", message)
    if len(tags) > 50 or any(not isinstance(value, str) or len(value) > 256 for value in tags.values()):
        raise _invalid("tags")


def _invalid(parameter: str) -> ArmError:
    message = (
        f"The value of parameter agentPoolProfile.{parameter} is invalid. "
        "Please see https://aka.ms/aks-naming-rules for more details."
    )
    return ArmError(400, "InvalidParameter", message)
