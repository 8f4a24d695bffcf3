"""How an answer is written: whole or as its metadata, by what the client accepts.

The rules are those of k8s.io/apiserver/pkg/endpoints/handlers/negotiation:
https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from dataclasses import dataclass, field

from devtools.emulators.kubernetes import status
from devtools.emulators.kubernetes.store import Object

_SERVED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_META = "meta.k8s.io"
_VERSIONS = {"v1", "v1beta1"}
_OBJECT, _LIST = "PartialObjectMetadata", "PartialObjectMetadataList"


@dataclass(frozen=True, kw_only=True)
class Representation:
    """The form of a response.

    Attributes:
        kind: `PartialObjectMetadata` or `PartialObjectMetadataList`; empty for the whole object.
        version: the version of `meta.k8s.io`.
    """

    kind: str = ""
    version: str = ""

    def of(self, answer: Object) -> Object:
        """Convert a response to this form; a `Status` is returned unchanged.

        Args:
            answer: the response's object.

        Returns:
            The converted object.

        Raises:
            ApiError: 406, the form is for lists and the response is not a list, or the reverse.
        """
        if not self.kind or answer["kind"] == "Status":
            return answer
        is_list = "items" in answer
        if is_list != (self.kind == _LIST):
            found = "a list" if is_list else "not a list"
            message = f"you requested {self.kind}, but the requested object is {found} (*{answer['kind']})"
            raise status.not_acceptable(message)
        if not is_list:
            return self._metadata(answer)
        items = [self._metadata(item) for item in answer["items"]]
        return {
            "kind": _LIST,
            "apiVersion": f"{_META}/{self.version}",
            "metadata": answer["metadata"],
            "items": items,
        }

    def _metadata(self, document: Object) -> Object:
        return {
            "kind": _OBJECT,
            "apiVersion": f"{_META}/{self.version}",
            "metadata": document["metadata"],
        }


@dataclass(frozen=True, kw_only=True)
class _Clause:
    media_type: str
    quality: float = 1.0
    parameters: dict[str, str] = field(default_factory=dict)


def negotiated(accept: str) -> Representation:
    """Choose the form of a response: the first one that the client accepts and the server serves.

    Args:
        accept: the `Accept` header; an empty one accepts everything.

    Returns:
        The form.

    Raises:
        ApiError: 406, the server serves none of the accepted forms.
    """
    clauses = [_clause(text) for text in accept.split(",") if text.strip()]
    for clause in sorted(clauses, key=lambda each: -each.quality):
        if clause.media_type in {"application/json", "application/*", "*/*"}:
            found = _representation(clause.parameters)
            if found is not None:
                return found
    if not clauses:
        return Representation()
    listed = ", ".join(_SERVED)
    if all(clause.media_type not in _SERVED for clause in clauses):
        raise status.not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {listed}")
    raise status.not_acceptable(f"only the following media types are accepted: {listed}")


def _clause(text: str) -> _Clause:
    media_type, *rest = (part.strip() for part in text.split(";"))
    pairs = dict(part.partition("=")[::2] for part in rest)
    quality = float(pairs.pop("q", "1"))
    return _Clause(media_type=media_type, quality=quality, parameters=pairs)


def _representation(parameters: dict[str, str]) -> Representation | None:
    kind, group, version = (parameters.get(name, "") for name in ("as", "g", "v"))
    if not (kind or group or version):
        return Representation()
    if group != _META or version not in _VERSIONS or kind not in {_OBJECT, _LIST}:
        return None
    return Representation(kind=kind, version=version)
