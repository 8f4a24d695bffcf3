"""Published schemas as flat tables: definition → field → type, in the words of Kubernetes' own documentation.

`[]Container` is a list of that definition, `map[string]string` a map, `any` whatever JSON holds.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate

Definitions = dict[str, dict[str, str]]

_Schema = Mapping[str, Any]
_REF = "#/$defs/"
_SCALARS = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}
# The schemas define these as strings, numbers or both; in a manifest each has one meaning.
_NAMED = {"Quantity": "quantity", "IntOrString": "integer or string", "Time": "string", "MicroTime": "string"}


def kubernetes(minor: str) -> Mapping[str, _Schema]:
    """Return the definitions of a minor version of Kubernetes (`1.36`), by their long names."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{minor}.0-local"
    definitions: Mapping[str, _Schema] = json.loads((folder / "_definitions.json").read_text())["$defs"]
    return definitions


def pinned_minor(go_mod: Path) -> str:
    """Return the minor version of Kubernetes from which the real control plane is built.

    Args:
        go_mod: the `go.mod` of the control plane.

    Returns:
        The minor version, such as `1.36`.

    Raises:
        ValueError: the file requires no `k8s.io/kubernetes`.
    """
    found = re.search(r"k8s\.io/kubernetes v(\d+\.\d+)", go_mod.read_text())
    if found is None:
        raise ValueError(f"{go_mod} names no k8s.io/kubernetes")
    return found[1]


def of_kubernetes(definitions: Mapping[str, _Schema], name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return one of Kubernetes' definitions as a flat table.

    Args:
        definitions: all definitions.
        name: the definition's long name.

    Returns:
        Field → type, and short name → long name for the definitions that these types refer to.
    """
    fields: dict[str, str] = {}
    referred: dict[str, str] = {}
    for field, schema in definitions[name].get("properties", {}).items():
        fields[field] = _type(schema, referred)
    return fields, referred


def of_custom(root: str, schema: _Schema, replaced: Mapping[str, str]) -> Definitions:
    """Return the definitions in a custom resource's schema, each named by its path (`HTTPRoute.spec.rules`).

    Args:
        root: the name of the kind.
        schema: the schema of one version in a CustomResourceDefinition.
        replaced: path → a type of another table, which replaces the schema at that path.

    Returns:
        Definition → field → type.
    """
    found: Definitions = {}

    def collect(path: str, inner: _Schema) -> str:
        if path in replaced:
            return replaced[path]
        if inner.get("x-kubernetes-int-or-string"):
            return "integer or string"
        kind = inner.get("type")
        if kind == "array":
            return f"[]{collect(path, inner['items'])}"
        if kind != "object":
            return _SCALARS.get(str(kind), "any")
        if "properties" in inner:
            found[path] = {
                name: collect(f"{path}.{name}", each) for name, each in inner["properties"].items()
            }
            return path
        values = inner.get("additionalProperties")
        return f"map[string]{collect(path, values)}" if isinstance(values, Mapping) else "any"

    collect(root, schema)
    return found


def _type(schema: _Schema, referred: dict[str, str]) -> str:
    if "$ref" in schema:
        long = str(schema["$ref"]).removeprefix(_REF)
        short = long.rpartition(".")[2]
        if short in _NAMED:
            return _NAMED[short]
        referred[short] = long
        return short
    kinds = schema.get("type")
    kind = next((each for each in kinds if each != "null"), "") if isinstance(kinds, list) else str(kinds)
    if kind == "array":
        return f"[]{_type(schema['items'], referred)}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"map[string]{_type(values, referred)}" if isinstance(values, Mapping) else "any"
    return _SCALARS.get(kind, "any")
