"""Pod templates: what has to be in them, so that controllers can rely on it."""

from typing import Any

from devtools.emulators.kubernetes.kinds import BY_NAME, DEPLOYMENT, JOB, POD, REPLICA_SET, STATEFUL_SET, Kind
from devtools.emulators.kubernetes.status import Cause

Object = dict[str, Any]

_CRON_JOB = BY_NAME["CronJob"]
_WHERE = {  # the fields that lead to the pod template
    POD: (),
    DEPLOYMENT: ("spec", "template"),
    REPLICA_SET: ("spec", "template"),
    STATEFUL_SET: ("spec", "template"),
    JOB: ("spec", "template"),
    _CRON_JOB: ("spec", "jobTemplate", "spec", "template"),
}


def causes(kind: Kind, new: Object) -> list[Cause]:
    """Return the errors in an object's pod template; none if it has no pod template."""
    if kind not in _WHERE:
        return []
    pod = new
    for field in _WHERE[kind]:
        pod = pod.get(field, {})
    place = ".".join((*_WHERE[kind], "spec"))
    found = list(_selector_causes(new.get("spec", {}), pod)) if _selects(kind) else []
    if not pod.get("spec", {}).get("containers"):
        found.append(_required(f"{place}.containers"))
    found += [
        _required(f"{place}.{listed}[{number}].{field}")
        for listed in ("containers", "initContainers")
        for number, container in enumerate(pod.get("spec", {}).get(listed, ()))
        for field in ("name", "image")
        if not container.get(field)
    ]
    if kind in {JOB, _CRON_JOB} and "restartPolicy" not in pod.get("spec", {}):
        found.append(_required(f"{place}.restartPolicy", ': valid values: "OnFailure", "Never"'))
    return found


def _selects(kind: Kind) -> bool:
    return kind in {DEPLOYMENT, REPLICA_SET, STATEFUL_SET}


def _selector_causes(spec: Object, pod: Object) -> list[Cause]:
    found = [] if spec.get("selector") else [_required("spec.selector")]
    labels = pod.get("metadata", {}).get("labels", {})
    wanted = spec.get("selector", {}).get("matchLabels", {})
    if not wanted or not wanted.items() <= labels.items():
        message = "Invalid value: `selector` does not match template `labels`"
        field = "spec.template.metadata.labels"
        found.append({"reason": "FieldValueInvalid", "message": message, "field": field})
    return found


def _required(field: str, detail: str = "") -> Cause:
    return {"reason": "FieldValueRequired", "message": f"Required value{detail}", "field": field}
