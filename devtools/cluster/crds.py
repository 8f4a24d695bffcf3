"""The custom kinds that environments are made of: as published where a module carries them, else reduced."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster.programs import module_folder

Manifest = dict[str, Any]

_OURS = Path(__file__).parent / "crds"
# `devtools/tools/crds/go.mod` pins these modules; the globs select files in them.
_PUBLISHED = (
    ("github.com/argoproj/argo-cd/v3", "manifests/crds/application-crd.yaml"),
    ("github.com/argoproj/argo-cd/v3", "manifests/crds/appproject-crd.yaml"),
    ("github.com/fluxcd/helm-controller", "config/crd/bases/*.yaml"),
    ("github.com/fluxcd/kustomize-controller", "config/crd/bases/*.yaml"),
    ("github.com/fluxcd/source-controller", "config/crd/bases/*.yaml"),  # kustomize-controller lists them all
    ("github.com/kedacore/keda/v2", "config/crd/bases/keda.sh_scaledobjects.yaml"),
    ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.*.yaml"),
)
_MONITORS = (  # under the original group, and under that of Azure Monitor
    "github.com/prometheus-operator/prometheus-operator",
    "example/prometheus-operator-crd/*monitors.yaml",
)


def definitions() -> list[Manifest]:
    """Return every CustomResourceDefinition that the tests and the demo need.

    Raises:
        ClusterUnavailableError: A module that carries some could not be fetched.
    """
    sources = (*_PUBLISHED, _MONITORS)
    published = [definition for module, files in sources for definition in _carried(module, files)]
    monitors = [_of_azure(definition) for definition in _carried(*_MONITORS)]
    ours = [definition for file in sorted(_OURS.glob("*.yaml")) for definition in _read(file)]
    return [*published, *monitors, *ours]


def _carried(module: str, files: str) -> Iterator[Manifest]:
    for file in sorted(module_folder("crds", module).glob(files)):
        yield from _read(file)


def _of_azure(monitor: Manifest) -> Manifest:
    """Return a prometheus-operator monitor as Azure Monitor defines it; only the group differs.

    See https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-crd.
    """
    group = "azmonitoring.coreos.com"
    name = f"{monitor['spec']['names']['plural']}.{group}"
    return {**monitor, "metadata": {"name": name}, "spec": {**monitor["spec"], "group": group}}


def _read(file: Path) -> Iterator[Manifest]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml, parsing takes ten times as long
    for document in yaml.load_all(file.read_text(), Loader=loader):
        if document:
            yield from document["items"] if document["kind"] == "List" else [document]
