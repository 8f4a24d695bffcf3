"""Request bodies: whether they name the object of the path, and how patches change the stored object."""

from typing import Any

from devtools.emulators.kubernetes import status
from devtools.emulators.kubernetes.kinds import Kind
from devtools.emulators.kubernetes.shapes import mistakes

Object = dict[str, Any]


def check_shape(kind: Kind, body: Object) -> None:
    """Check the types of a body's fields.

    Raises:
        ApiError: 400, a field has the wrong type; 422 for custom kinds, which the schema validation refuses.
    """
    _check_conditions(kind, body)
    found = mistakes(kind, body)
    if found:
        version = f'{kind.name} in version "{kind.version}"'
        message = f"{version} cannot be handled as a {kind.name}: json: cannot unmarshal {found[0]}"
        raise status.bad_request(message)


def _check_conditions(kind: Kind, body: Object) -> None:
    told = body.get("status")
    conditions = told.get("conditions") if kind.custom and isinstance(told, dict) else None
    odd = [
        at
        for at, each in enumerate(conditions if isinstance(conditions, list) else ())
        if not isinstance(each, dict)
    ]
    if odd:
        reason = 'Invalid value: "string": conditions[{0}] in body must be of type object: "string"'
        causes: list[status.Cause] = [
            {
                "reason": "FieldValueTypeInvalid",
                "message": reason.format(at),
                "field": f"status.conditions[{at}]",
            }
            for at in odd
        ]
        raise status.invalid(kind, body["metadata"]["name"], causes)


def check_kind(kind: Kind, body: Object) -> None:
    """Check the kind of a body; it may be missing except for custom kinds.

    Raises:
        ApiError: 400, the kind is another one, or is missing.
    """
    stated = (body.get("kind"), body.get("apiVersion"))
    if kind.custom and None in stated:
        raise status.bad_request(f"the object provided is unrecognized (must be of type {kind.name})")
    if stated[0] not in {None, kind.name} or stated[1] not in {None, kind.api_version}:
        message = f'{stated[0]} in version "{stated[1]}" cannot be handled as a {kind.name}'
        raise status.bad_request(message)


def check_applied(kind: Kind, body: Object) -> None:
    """Check that a configuration to apply is of this kind.

    Raises:
        ApiError: 400; 500 if fields have the wrong type.
    """
    if (body.get("apiVersion"), body.get("kind")) != (kind.api_version, kind.name):
        group, _, version = body.get("apiVersion", "").rpartition("/")
        raise status.bad_request(f"invalid object type: {group}/{version}, Kind={body.get('kind', '')}")
    found = mistakes(kind, body)
    if found:
        listed = found[0] if len(found) == 1 else "\n  ".join(("errors:", *found))
        raise untyped(kind, listed)
    if body.get("metadata", {}).get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")


def untyped(kind: Kind, why: str) -> status.ApiError:
    """Return the error for a configuration that does not match the kind's schema."""
    version = f"{kind.group}/{kind.version}, Kind={kind.name}"
    return status.ApiError(500, f"failed to create typed patch object ({version}): {why}")


def identity(namespace: str, name: str, body: Object) -> Object:
    """Return a body's metadata completed with namespace and name.

    Args:
        namespace: the namespace in the path (empty for a cluster-scoped kind).
        name: the name in the path.
        body: the request's body.

    Returns:
        The metadata.

    Raises:
        ApiError: 400, the body is for another object than the path.
    """
    metadata: Object = body.get("metadata", {})
    stated = metadata.get("name", name)
    if stated != name:
        raise status.bad_request(
            f"the name of the object ({stated}) does not match the name on the URL ({name})"
        )
    if metadata.get("namespace", namespace) != namespace:
        raise status.other_namespace()
    return metadata | {"name": name} | ({"namespace": namespace} if namespace else {})


def merged(value: Any, patch: Any) -> Any:
    """Return a value after a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    document = dict(value) if isinstance(value, dict) else {}
    for field, inner in patch.items():
        if inner is None:
            document.pop(field, None)
        else:
            document[field] = merged(document.get(field), inner)
    return document


def without_nulls(value: Any) -> Any:
    """Return a configuration without its null fields, which count as left out."""
    if isinstance(value, dict):
        return {field: without_nulls(inner) for field, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
