"""Lists the files that a kustomization refers to, and refuses fields that are not known here.

kustomize fetches remote resources, and no flag forbids that. What an unknown field refers to could not be
checked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from coppice.manifests.fields import Fields, mapping, mappings, quote, string, strings

# The fields of https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/types/kustomization.go that
# refer to no file. They are case-sensitive here, though kustomize itself accepts `Resources` and `PATH`.
_WITHOUT_REFERENCES = frozenset(
    {
        "apiVersion",
        "buildMetadata",
        "commonAnnotations",
        "commonLabels",
        "generatorOptions",
        "imageTags",
        "images",
        "kind",
        "labels",
        "metadata",
        "namePrefix",
        "nameSuffix",
        "namespace",
        "replicas",
        "sortOptions",
        "vars",
    }
)

_Role = Literal["base", "yaml", "data", "inline"]

# Field that is a list of strings → the role of its entries.
_STRING_LISTS: Mapping[str, _Role] = {
    "bases": "base",
    "components": "base",
    "configurations": "yaml",
    "crds": "yaml",
    "patchesStrategicMerge": "yaml",
    "resources": "base",
}

# Field of the maps in a list → its role; `None` refers to no file.
_PATCH: Mapping[str, _Role | None] = {"options": None, "patch": "inline", "path": "yaml", "target": None}
_GENERATOR: Mapping[str, _Role | None] = {
    "behavior": None,
    "env": "data",
    "envs": "data",
    "files": "data",
    "literals": None,
    "name": None,
    "namespace": None,
    "options": None,
    "type": None,
}
_MAP_LISTS: Mapping[str, Mapping[str, _Role | None]] = {
    "configMapGenerator": _GENERATOR,
    "patches": _PATCH,
    "patchesJson6902": _PATCH,
    "replacements": {"path": "yaml", "source": None, "targets": None},
    "secretGenerator": _GENERATOR,
}
_OPENAPI: Mapping[str, _Role | None] = {"path": "yaml", "version": None}

_HELM = frozenset({"helmChartInflationGenerator", "helmCharts", "helmGlobals"})
_PLUGINS = frozenset({"generators", "transformers", "validators"})


@dataclass(frozen=True)
class Reference:
    """A reference from a kustomization to content.

    Attributes:
        field: the field that holds it.
        text: a path, or the content itself.
        role: `base` is a file of objects or a folder with a kustomization, `yaml` a YAML file, `data` a file
            with any content, `inline` YAML in the kustomization itself.
    """

    field: str
    text: str
    role: _Role


def references(kustomization: Fields) -> Iterator[Reference | str]:
    """List the references of a kustomization.

    Args:
        kustomization: the content of the file.

    Yields:
        A reference; or, as a string, the reason why a field is refused.

    Raises:
        Malformed: a field does not have the expected type.
    """
    for field in kustomization:
        if field in _STRING_LISTS:
            for text in strings(kustomization, field):
                yield _string_reference(field, text)
        elif field in _MAP_LISTS:
            for entry in mappings(kustomization, field):
                yield from _entry(field, entry, _MAP_LISTS[field])
        elif field == "openapi":
            yield from _entry(field, mapping(kustomization, field), _OPENAPI)
        elif field in _HELM:
            yield f"{field}: Helm charts are not rendered; commit what they render to"
        elif field in _PLUGINS:
            yield f"{field}: plugins are not run; use patches, labels, images, replacements and their like"
        elif field not in _WITHOUT_REFERENCES:
            yield f"{quote(field)}: there is no such field"


def _string_reference(field: str, text: str) -> Reference:
    # kustomize treats an entry as an inline patch if it parses as one, and as a path otherwise. No URL has a
    # line break or begins with a brace.
    inline = field == "patchesStrategicMerge" and ("\n" in text or text.startswith("{"))
    return Reference(field, text, "inline" if inline else _STRING_LISTS[field])


def _entry(field: str, entry: Fields, roles: Mapping[str, _Role | None]) -> Iterator[Reference | str]:
    for name in entry:
        if name not in roles:
            yield f"{field}: there is no field {quote(name)}"
            continue
        role = roles[name]
        if role is None:
            continue
        texts = strings(entry, name) if name in {"files", "envs"} else [string(entry, name)]
        for text in filter(None, texts):
            yield Reference(f"{field}.{name}", _path(text) if name == "files" else text, role)


def _path(text: str) -> str:
    """The path in a `files` entry, which may be written as `key=path`."""
    return text.partition("=")[2] or text
