"""What the API server adds to an object, and which objects it refuses, before any is stored.

Only the rules that the contract tests hold against a real server.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from devtools.emulators.kubernetes import status, templates
from devtools.emulators.kubernetes.kinds import DEPLOYMENT, JOB, NAMESPACE, POD, SERVICE, STATEFUL_SET, Kind

Object = dict[str, Any]

_LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_NAME_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_LABEL_NAME.pattern}')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_SUBDOMAIN.pattern}')"
)
_LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    f"for validation is '{_LABEL_VALUE.pattern}')"
)
_STATEFUL_SET_RULE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_IMMUTABLE = {DEPLOYMENT: ("selector",), JOB: ("selector", "template")}
_IMMUTABLE_STATEFUL_SET = ("podManagementPolicy", "selector", "serviceName", "volumeClaimTemplates")


def with_defaults(kind: Kind, new: Object) -> Object:
    """Return an object with the defaults that the server sets."""
    filled = _DEFAULTS.get(kind.name)
    return new if filled is None else filled(new)


def check(kind: Kind, new: Object) -> None:
    """Check that an object may be stored.

    Raises:
        ApiError: 422, with a cause for each rule that the object breaks.
    """
    metadata = new["metadata"]
    name = metadata["name"]
    stated = [("metadata.name", name, _name_rule(kind, name))]
    labels = metadata.get("labels", {}).values()
    stated += [("metadata.labels", value, _label_value_rule(value)) for value in labels]
    causes = [_cause(field, value, rule) for field, value, rule in stated if rule is not None]
    causes += templates.causes(kind, new)
    if causes:
        raise status.invalid(kind, name, causes)


def check_update(kind: Kind, old: Object, new: Object) -> None:
    """Check that an update leaves the immutable fields unchanged.

    Args:
        kind: the object's kind.
        old: the object before the update.
        new: the object after it.

    Raises:
        ApiError: 422, an immutable field changed.
    """
    before, after = old.get("spec", {}), new.get("spec", {})
    causes = [
        _cause(f"spec.{field}", after.get(field), "field is immutable")
        for field in _IMMUTABLE.get(kind, ())
        if before.get(field) != after.get(field)
    ]
    if kind == STATEFUL_SET and any(before.get(f) != after.get(f) for f in _IMMUTABLE_STATEFUL_SET):
        message = f"Forbidden: {_STATEFUL_SET_RULE}"
        causes.append({"reason": "FieldValueForbidden", "message": message, "field": "spec"})
    if causes:
        raise status.invalid(kind, new["metadata"]["name"], causes)


def _name_rule(kind: Kind, name: str) -> str | None:
    """Return the rule that a name breaks, or None."""
    if kind.group == "rbac.authorization.k8s.io":  # any path segment is allowed
        if name in {".", ".."}:
            return f"may not be '{name}'"
        return next((f"may not contain '{each}'" for each in "/%" if each in name), None)
    is_label = kind in {NAMESPACE, SERVICE}  # the names of the other kinds are DNS subdomains
    longest = 63 if is_label else 253
    if len(name) > longest:
        return f"must be no more than {longest} characters"
    if is_label:
        if "." in name:
            return "must not contain dots"
        return None if _LABEL_NAME.fullmatch(name) else _LABEL_NAME_RULE
    return None if _SUBDOMAIN.fullmatch(name) else _SUBDOMAIN_RULE


def _label_value_rule(value: str) -> str | None:
    if len(value) > 63:
        return "must be no more than 63 bytes"
    return None if _LABEL_VALUE.fullmatch(value) else _LABEL_VALUE_RULE


def _cause(field: str, value: Any, rule: str) -> status.Cause:
    return {
        "reason": "FieldValueInvalid",
        "message": f"Invalid value: {json.dumps(value)}: {rule}",
        "field": field,
    }


def _namespace(new: Object) -> Object:
    metadata = new["metadata"]
    labels = metadata.get("labels", {}) | {"kubernetes.io/metadata.name": metadata["name"]}
    return (
        {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        | new
        | {"metadata": metadata | {"labels": labels}}
    )


def _replicas(new: Object) -> Object:
    return new | {"spec": {"replicas": 1} | new.get("spec", {})}


def _secret(new: Object) -> Object:
    plain = new.get("stringData", {})
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    data = new.get("data", {}) | encoded
    kept = {field: value for field, value in new.items() if field != "stringData"}
    return {"type": "Opaque"} | kept | ({"data": data} if data else {})


def _job(new: Object) -> Object:
    """Make a job select its pods by its uid, as the server does, unless it already does."""
    spec = new.get("spec", {})
    if "selector" in spec:
        return new
    uid, name = new["metadata"]["uid"], new["metadata"]["name"]
    marks = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
    template = spec.get("template", {})
    metadata = template.get("metadata", {})
    labels = metadata.get("labels", {}) | marks | {"controller-uid": uid, "job-name": name}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    marked = template | {"metadata": metadata | {"labels": labels}}
    return new | {"spec": spec | {"selector": selector, "template": marked}}


def _pod(new: Object) -> Object:
    return {"status": {"phase": "Pending"}} | new


_DEFAULTS: dict[str, Callable[[Object], Object]] = {
    NAMESPACE.name: _namespace,
    DEPLOYMENT.name: _replicas,
    STATEFUL_SET.name: _replicas,
    "ReplicaSet": _replicas,
    "Secret": _secret,
    JOB.name: _job,
    POD.name: _pod,
}
