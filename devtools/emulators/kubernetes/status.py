"""Refusals in the API server's own words, because clients read their reasons, causes and messages.

The wording follows k8s.io/apimachinery/pkg/api/errors.
"""

from collections.abc import Sequence
from typing import Any

from devtools.emulators.kubernetes.kinds import Kind

Cause = dict[str, str]  # reason, message and field of one thing that is wrong

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
    """A request that is refused.

    Attributes:
        code: the HTTP status.
        status: the `Status` object to answer with.
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
    """Make the `Status` of a failure; an empty reason takes the usual one of the code."""
    document: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    reason = reason or _REASONS.get(code, "")
    document["message"] = message or reason
    if reason:
        document["reason"] = reason
    if details is not None:
        document["details"] = details
    return document | {"code": code}


def success(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """Make the `Status` that answers a delete whose object is gone."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _details(kind, name) | {"uid": uid},
    }


def bad_request(message: str) -> ApiError:
    """Make the error about a request that cannot be understood."""
    return ApiError(400, message)


def not_found(kind: Kind, name: str) -> ApiError:
    """Make the error about an object that does not stand."""
    return ApiError(404, f'{kind.resource} "{name}" not found', details=_details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """Make the error about creating what stands."""
    message = f'{kind.resource} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=_details(kind, name))


def modified(kind: Kind, name: str) -> ApiError:
    """Make the error about a resource version that is not the current one."""
    message = (
        f'Operation cannot be fulfilled on {kind.resource} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, message, details=_details(kind, name))


def uid_of_nothing(kind: Kind, name: str, uid: str) -> ApiError:
    """Make the error about applying to a very object that is gone."""
    message = (
        f'Operation cannot be fulfilled on {kind.resource} "{name}": uid mismatch: the provided object '
        f"specified uid {uid}, and no existing object was found"
    )
    return ApiError(409, message, details=_details(kind, name))


def apply_conflict(message: str, causes: Sequence[Cause]) -> ApiError:
    """Make the error about fields that other managers own."""
    return ApiError(409, message, details={"causes": list(causes)})


def forbidden(kind: Kind, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    """Make the error about what is not allowed."""
    details = _details(kind, name)
    if causes:
        details["causes"] = list(causes)
    return ApiError(403, f'{kind.resource} "{name}" is forbidden: {why}', details=details)


def namespace_terminating(kind: Kind, name: str, namespace: str) -> ApiError:
    """Make the error about creating in a namespace that is going away."""
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    return forbidden(kind, name, why, [cause])


def other_namespace() -> ApiError:
    """Make the error about a body that names another namespace than the path."""
    return bad_request(
        "the namespace of the provided object does not match the namespace sent on the request"
    )


def other_uid(kind: Kind, name: str, wanted: str, found: str) -> ApiError:
    """Make the error about replacing another object than was meant, or one that is gone."""
    why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, message, details=_details(kind, name))


def uid_immutable(kind: Kind, name: str, uid: str) -> ApiError:
    """Make the error about patching another object than was meant."""
    message = f'Invalid value: "{uid}": field is immutable'
    return invalid(kind, name, [{"reason": "FieldValueInvalid", "message": message, "field": "metadata.uid"}])


def precondition_failed(kind: Kind, name: str, why: str) -> ApiError:
    """Make the error about deleting another object than was meant; it names the kind, not the resource."""
    details = _details(kind, name) | {"kind": kind.name}
    return ApiError(
        409, f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}', details=details
    )


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """Make the error about an object that breaks rules; each cause states one in full."""
    details = _details(kind, name) | {"kind": kind.name, "causes": list(causes)}
    return ApiError(422, f'{kind.qualified} "{name}" is invalid: {_listed(causes)}', details=details)


def version_required(kind: Kind, name: str) -> ApiError:
    """Make the error about replacing an object of a kind that asks which version is meant."""
    message = "Invalid value: 0: must be specified for an update"
    cause = {"reason": "FieldValueInvalid", "message": message, "field": "metadata.resourceVersion"}
    details = _details(kind, name) | {"causes": [cause]}
    return ApiError(422, f'{kind.resource} "{name}" is invalid: {_listed([cause])}', details=details)


def name_required(kind: Kind) -> ApiError:
    """Make the error about an object without a name."""
    message = "Required value: name or generateName is required"
    return invalid(kind, "", [{"reason": "FieldValueRequired", "message": message, "field": "metadata.name"}])


def field_manager_required() -> ApiError:
    """Make the error about an apply that does not say who applies."""
    message = "Required value: is required for apply patch"
    cause = {"reason": "FieldValueRequired", "message": message, "field": "fieldManager"}
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]}
    return ApiError(422, f'PatchOptions.meta.k8s.io "" is invalid: {_listed([cause])}', details=details)


def expired() -> ApiError:
    """Make the error about a page of a list that is not kept any longer."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter."
    )
    return ApiError(410, message)


def method_not_allowed() -> ApiError:
    """Make the error about a method that the resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, message, details={})


def no_such_resource() -> ApiError:
    """Make the error about a resource, or a version, that a known group does not have."""
    return ApiError(404, "the server could not find the requested resource", details={})


def not_acceptable(message: str) -> ApiError:
    """Make the error about an answer that cannot be written as the client accepts it."""
    return ApiError(406, message)


def unsupported_media_type() -> ApiError:
    """Make the error about a patch of a type that is not read."""
    return ApiError(415, "415: Unsupported Media Type", details={})


def _details(kind: Kind, name: str) -> dict[str, Any]:
    details = {"name": name}
    if kind.group:
        details["group"] = kind.group
    return details | {"kind": kind.plural}


def _listed(causes: Sequence[Cause]) -> str:
    shown = [f"{cause['field']}: {cause['message']}" for cause in causes]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
