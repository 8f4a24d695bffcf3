"""The kinds of the guard's tables, and where their schemas are published."""

from pathlib import Path
from typing import Any

import yaml

from devtools.cluster.programs import module_folder
from devtools.tools.fields.schemas import kubernetes, of_custom, of_kubernetes, pinned_minor
from devtools.tools.fields.tables import Table

_GO_MOD = Path(__file__).parents[1] / "kubernetes" / "go.mod"

# If a kind is served in two versions, the newer one comes first and keeps the short names.
_KUBERNETES = {
    "v1": (
        "ConfigMap LimitRange PersistentVolumeClaim Pod PodTemplate "
        "ResourceQuota Secret Service ServiceAccount"
    ),
    "apps/v1": "DaemonSet Deployment ReplicaSet StatefulSet",
    "batch/v1": "CronJob Job",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
}
# Fields that only the experimental channel has are judged too, because clusters may serve them.
_GATEWAY = (
    "sigs.k8s.io/gateway-api",
    "config/crd/experimental/gateway.networking.k8s.io_{}.yaml",
    ("grpcroutes", "httproutes", "tcproutes", "tlsroutes", "udproutes"),
)
_KEDA = (
    "github.com/kedacore/keda/v2",
    "config/crd/bases/keda.sh_{}.yaml",
    ("scaledjobs", "scaledobjects", "triggerauthentications"),
)
# A type of the guard's own: a map of strings whose keys are checked against the list of annotations.
_ANNOTATIONS = {"ObjectMeta": "annotations"}


def from_kubernetes() -> Table:
    """Return the table of Kubernetes' own kinds, in the version of the real control plane."""
    definitions = kubernetes(pinned_minor(_GO_MOD))
    table = Table()
    known: dict[str, str] = {}  # short name → long name
    for version, kinds in _KUBERNETES.items():
        group = version.rpartition("/")[0].removesuffix(".k8s.io") or "core"
        for kind in kinds.split():
            long = f"io.k8s.api.{group}.{version.rpartition('/')[2]}.{kind}"
            short = _short(kind, long, known)
            table.kinds[f"{version} {kind}"] = short
            _collect(short, long, definitions, known, table)
            if "status" in table.definitions[short]:
                table.definitions[short]["status"] = "any"
    for definition, field in _ANNOTATIONS.items():
        table.definitions[definition][field] = "annotations"
    return table


def from_gateway_api() -> Table:
    """Return the table of the routes of Gateway API."""
    return _custom(*_GATEWAY, replaced={})


def from_keda() -> Table:
    """Return the table of KEDA's kinds; a ScaledJob contains the specification of a Job."""
    return _custom(*_KEDA, replaced={"ScaledJob.spec.jobTargetRef": "JobSpec"})


SOURCES = {
    "kubernetes.yaml": (from_kubernetes, "Kubernetes"),
    "gateway.yaml": (from_gateway_api, "Gateway API"),
    "keda.yaml": (from_keda, "KEDA"),
}
"""File → the function that makes its table, and the name of the source in the file."""


def _collect(short: str, long: str, definitions: Any, known: dict[str, str], table: Table) -> None:
    if short in table.definitions:
        return
    fields, referred = of_kubernetes(definitions, long)
    renamed = {each: _short(each, name, known) for each, name in referred.items()}
    table.definitions[short] = {name: _renamed(kind, renamed) for name, kind in fields.items()}
    for each, name in referred.items():
        if not each.endswith("Status"):
            _collect(renamed[each], name, definitions, known, table)


def _short(short: str, long: str, known: dict[str, str]) -> str:
    """Return a short name that no other definition has, such as `HorizontalPodAutoscalerSpecV1`."""
    if known.setdefault(short, long) == long:
        return short
    return _short(f"{short}{long.split('.')[-2].capitalize()}", long, known)


def _renamed(kind: str, names: dict[str, str]) -> str:
    for prefix in ("map[string]", "[]"):
        if kind.startswith(prefix):
            return prefix + _renamed(kind.removeprefix(prefix), names)
    return names.get(kind, kind)


def _custom(module: str, pattern: str, plurals: tuple[str, ...], *, replaced: dict[str, str]) -> Table:
    table = Table()
    folder = module_folder("crds", module)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for plural in plurals:
        spec = yaml.load((folder / pattern.format(plural)).read_text(), Loader=loader)["spec"]
        kind = spec["names"]["kind"]
        for version in reversed([each for each in spec["versions"] if each["served"]]):
            called = f"{spec['group']}/{version['name']} {kind}"
            name = kind if kind not in table.kinds.values() else f"{kind}{version['name'].capitalize()}"
            fixed = {f"{name}.metadata": "ObjectMeta", f"{name}.status": "any"}
            within = {path.replace(kind, name, 1): each for path, each in replaced.items()}
            schema = version["schema"]["openAPIV3Schema"]
            fresh = of_custom(name, schema, {**fixed, **within})
            same = next(
                (each for each in table.kinds.values() if _alike(each, name, table.definitions, fresh)), ""
            )
            table.kinds[called] = same or name
            table.definitions.update({} if same else fresh)
    return table


def _alike(one: str, other: str, there: dict[str, dict[str, str]], fresh: dict[str, dict[str, str]]) -> bool:
    """Return whether a version has the same fields as a version that is already in the table."""
    mine = {path: fields for path, fields in there.items() if path == one or path.startswith(f"{one}.")}
    theirs = {
        path.replace(other, one, 1): {name: kind.replace(other, one, 1) for name, kind in fields.items()}
        for path, fields in fresh.items()
    }
    return mine == theirs
