"""Which files a kustomization names, and that it names them in no other way than we know.

kustomize fetches what it is pointed at, and no flag forbids that. So a field that is not known here is
refused: what it points at would go unseen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from coppice.manifests.fields import Fields, mapping, mappings, quote, string, strings

# The fields of https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/types/kustomization.go that
# point at nothing. To the letter, though kustomize itself takes `Resources` and `PATH` as well.
_PLAIN = frozenset(
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

# What the entries of a list of strings are.
_STRINGS: Mapping[str, _Role] = {
    "bases": "base",
    "components": "base",
    "configurations": "yaml",
    "crds": "yaml",
    "patchesStrategicMerge": "yaml",
    "resources": "base",
}

# What the fields of the maps in a list are; None points at nothing.
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
_MAPS: Mapping[str, Mapping[str, _Role | None]] = {
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
    """Something that a kustomization brings in.

    Attributes:
        field: where it stands.
        text: a path, or the content itself.
        role: `base`, a file of objects or a folder with a kustomization; `yaml`, a file; `data`, a file of
            whatever content; `inline`, YAML that stands in the kustomization.
    """

    field: str
    text: str
    role: _Role


def references(kustomization: Fields) -> Iterator[Reference | str]:
    """Go through a kustomization's fields.

    Args:
        kustomization: what the file holds.

    Yields:
        What it brings in; or, as a string, why a field is refused.

    Raises:
        Malformed: a field is not of its type.
    """
    for field in kustomization:
        if field in _STRINGS:
            for text in strings(kustomization, field):
                yield _string(field, text)
        elif field in _MAPS:
            for entry in mappings(kustomization, field):
                yield from _entry(field, entry, _MAPS[field])
        elif field == "openapi":
            yield from _entry(field, mapping(kustomization, field), _OPENAPI)
        elif field in _HELM:
            yield f"{field}: Helm charts are not rendered; commit what they render to"
        elif field in _PLUGINS:
            yield f"{field}: plugins are not run; use patches, labels, images, replacements and their like"
        elif field not in _PLAIN:
            yield f"{quote(field)}: there is no such field"


def _string(field: str, text: str) -> Reference:
    # kustomize takes an entry for a patch if it can be read as one, else for a path; no URL looks like these.
    inline = field == "patchesStrategicMerge" and ("\n" in text or text.startswith("{"))
    return Reference(field, text, "inline" if inline else _STRINGS[field])


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
    """The path in a `files` entry, which may have the name before it that the file gets (`name=path`)."""
    return text.partition("=")[2] or text
