"""The long-lived environments of examples/platform, and Argo CD and Flux, which deploy them."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster.connection import apply
from devtools.demo.processes import started
from devtools.demo.world import PLATFORM, World

PRODUCTION = "ameide-prod"
"""The namespace of production, which never sleeps."""

_APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
_FLUX = {
    "apps.yaml": "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations",
    "source.yaml": "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories",
}

_NODE_SECONDS = 1.0  # until a new node is ready; a real one takes minutes

Object = dict[str, Any]


def with_schedule(systems: World) -> World:
    """The same systems, with app settings that name the example's schedule."""
    schedule = {
        "SCHEDULE_FILE": str(PLATFORM / "schedule.yaml"),
        "POWER_SCHEDULE": "0 0 0 1 1 *",  # the scenario moves its own clock; the timer changes nothing
    }
    return replace(systems, settings={**systems.settings, **schedule})


@contextlib.contextmanager
def gitops(systems: World) -> Iterator[None]:
    """Have Argo CD and Flux deploy the environments, for as long as the context lasts.

    Args:
        systems: the outside systems, with the emulator of Kubernetes.

    Raises:
        NotStartedError: the emulator of Argo CD and Flux did not start.
    """
    slower = {"node_ready_seconds": _NODE_SECONDS}
    systems.cluster.post("/_emulator/player", json=slower).raise_for_status()
    for namespace in ("argocd", "flux-system"):
        _apply(systems, "/api/v1/namespaces", _namespace(namespace))
    for each in applications():
        _apply(systems, _APPLICATIONS, each)
    for file, path in _FLUX.items():
        _apply(systems, path, _read(PLATFORM / "flux-cd" / "clusters" / "aks" / file))
    repository = f"{systems.platform.full_name}={systems.platform.path}"
    arguments = ("--kubeconfig", systems.settings["KUBECONFIG"], "--repository", repository)
    with started(
        "devtools.emulators.gitops", *arguments, "--sync-seconds", "0.5", log=systems.folder / "gitops.log"
    ):
        yield


def applications() -> list[Object]:
    """The Applications that the example's ApplicationSet generates: one for each `globals.yaml`."""
    template = yaml.safe_dump(_read(PLATFORM / "argocd" / "applicationset.yaml")["spec"]["template"])
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    made = []
    for file in sorted(PLATFORM.glob("sources/values/*/globals.yaml")):
        values = _read(file)
        filled = template.replace("{{ .namespace }}", values["namespace"])
        filled = filled.replace("{{ .environment.name }}", values["environment"]["name"])
        made.append(kind | yaml.safe_load(filled))
    return made


def applications_healthy(systems: World) -> bool:
    """Whether Argo CD reports every Application as healthy. What Flux deploys is checked by its pods."""
    found = systems.cluster.get(_APPLICATIONS).raise_for_status().json()["items"]
    return all(each.get("status", {}).get("health", {}).get("status") == "Healthy" for each in found)


def _apply(systems: World, path: str, manifest: Object) -> None:
    name = manifest["metadata"]["name"]
    apply(systems.cluster, f"{path}/{name}", manifest, manager="demo").raise_for_status()


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _read(file: Path) -> Object:
    found: Object = yaml.safe_load(file.read_text())
    return found
