"""Refusals in the API server's own words, because clients read their reasons, causes and messages.

The wording follows k8s.io/apimachinery/pkg/api/errors.
"""

from collections.abc import Sequence
from typing import Any

from devtools.emulators.kubernetes.kinds import Kind

Cause = dict[str, str]  # reason, message and field of one error

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """A request is refused.

    Attributes:
        code: the HTTP status.
        status: the `Status` object of the response.
    """

    def __init__(
        self, code: int, message: str, *, reason: str = "", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = failure(code, reason, message=message, details=details)


def failure(
    code: int, reason: str = "", *, message: str = "", details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the `Status` of a failure; an empty reason means the usual one of the code.

    Args:
        code: the HTTP status.
        reason: the `reason` (empty: the usual one of the code).
        message: the `message` (empty: the reason).
        details: the `details`, if any.

    Returns:
        The `Status` object.
    """
    document: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    reason = reason or _REASONS.get(code, "")
    document["message"] = message or reason
    if reason:
        document["reason"] = reason
    if details is not None:
        document["details"] = details
    return document | {"code": code}


def success(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """Return the `Status` for a delete that removed the object."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _details(kind, name) | {"uid": uid},
    }


def bad_request(message: str) -> ApiError:
    """Return the error for a request that cannot be understood."""
    return ApiError(400, message)


def not_found(kind: Kind, name: str) -> ApiError:
    """Return the error for an object that does not exist."""
    return ApiError(404, f'{kind.resource} "{name}" not found', details=_details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """Return the error for a create of an object that exists."""
    message = f'{kind.resource} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=_details(kind, name))


def modified(kind: Kind, name: str) -> ApiError:
    """Return the error for a resource version that is not the current one."""
    message = (
        f'Operation cannot be fulfilled on {kind.resource} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, message, details=_details(kind, name))


def uid_of_nothing(kind: Kind, name: str, uid: str) -> ApiError:
    """Return the error for an apply with the uid of an object that is gone."""
    message = (
        f'Operation cannot be fulfilled on {kind.resource} "{name}": uid mismatch: the provided object '
        f"specified uid {uid}, and no existing object was found"
    )
    return ApiError(409, message, details=_details(kind, name))


def apply_conflict(message: str, causes: Sequence[Cause]) -> ApiError:
    """Return the error for fields that other managers own."""
    return ApiError(409, message, details={"causes": list(causes)})


def forbidden(kind: Kind, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    """Return the error for a forbidden request."""
    details = _details(kind, name)
    if causes:
        details["causes"] = list(causes)
    return ApiError(403, f'{kind.resource} "{name}" is forbidden: {why}', details=details)


def namespace_terminating(kind: Kind, name: str, namespace: str) -> ApiError:
    """Return the error for a create in a terminating namespace."""
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    return forbidden(kind, name, why, [cause])


def other_namespace() -> ApiError:
    """Return the error for a body whose namespace is not that of the path."""
    return bad_request(
        "the namespace of the provided object does not match the namespace sent on the request"
    )


def other_uid(kind: Kind, name: str, wanted: str, found: str) -> ApiError:
    """Return the error for a replace with the uid of another object, or of one that is gone."""
    why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, message, details=_details(kind, name))


def uid_immutable(kind: Kind, name: str, uid: str) -> ApiError:
    """Return the error for a patch with the uid of another object."""
    message = f'Invalid value: "{uid}": field is immutable'
    return invalid(kind, name, [{"reason": "FieldValueInvalid", "message": message, "field": "metadata.uid"}])


def precondition_failed(kind: Kind, name: str, why: str) -> ApiError:
    """Return the error for a delete whose preconditions do not hold; it names the kind, not the resource."""
    details = _details(kind, name) | {"kind": kind.name}
    return ApiError(
        409, f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}', details=details
    )


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """Return the error for an invalid object; each cause states one rule in full."""
    details = _details(kind, name) | {"kind": kind.name, "causes": list(causes)}
    return ApiError(422, f'{kind.qualified} "{name}" is invalid: {_listed(causes)}', details=details)


def version_required(kind: Kind, name: str) -> ApiError:
    """Return the error for a replace without a resource version, of a kind that requires one."""
    message = "Invalid value: 0: must be specified for an update"
    cause = {"reason": "FieldValueInvalid", "message": message, "field": "metadata.resourceVersion"}
    details = _details(kind, name) | {"causes": [cause]}
    return ApiError(422, f'{kind.resource} "{name}" is invalid: {_listed([cause])}', details=details)


def name_required(kind: Kind) -> ApiError:
    """Return the error for an object without a name."""
    message = "Required value: name or generateName is required"
    return invalid(kind, "", [{"reason": "FieldValueRequired", "message": message, "field": "metadata.name"}])


def field_manager_required() -> ApiError:
    """Return the error for an apply without a field manager."""
    message = "Required value: is required for apply patch"
    cause = {"reason": "FieldValueRequired", "message": message, "field": "fieldManager"}
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]}
    return ApiError(422, f'PatchOptions.meta.k8s.io "" is invalid: {_listed([cause])}', details=details)


def expired() -> ApiError:
    """Return the error for a page of a list that is no longer kept."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter."
    )
    return ApiError(410, message)


def method_not_allowed() -> ApiError:
    """Return the error for a method that the resource does not support."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, message, details={})


def no_such_resource() -> ApiError:
    """Return the error for a resource or a version that a known group does not have."""
    return ApiError(404, "the server could not find the requested resource", details={})


def not_acceptable(message: str) -> ApiError:
    """Return the error for a response in a form that the client does not accept."""
    return ApiError(406, message)


def unsupported_media_type() -> ApiError:
    """Return the error for a patch with an unsupported content type."""
    return ApiError(415, "415: Unsupported Media Type", details={})


def _details(kind: Kind, name: str) -> dict[str, Any]:
    details = {"name": name}
    if kind.group:
        details["group"] = kind.group
    return details | {"kind": kind.plural}


def _listed(causes: Sequence[Cause]) -> str:
    shown = [f"{cause['field']}: {cause['message']}" for cause in causes]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
