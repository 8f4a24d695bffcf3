"""The long-lived environments of examples/platform, and Argo CD and Flux, which bring them to the cluster."""

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


def with_schedule(place: World) -> World:
    """The same world, whose settings name the example's schedule."""
    schedule = {
        "SCHEDULE_FILE": str(PLATFORM / "schedule.yaml"),
        "POWER_SCHEDULE": "0 0 0 1 1 *",  # the story moves the clock; by the real one nothing is switched
    }
    return replace(place, settings={**place.settings, **schedule})


@contextlib.contextmanager
def gitops(place: World) -> Iterator[None]:
    """Let Argo CD and Flux bring the environments to the cluster, for as long as the context lasts.

    Args:
        place: a world with the emulator of Kubernetes.

    Raises:
        NotStartedError: they could not be started.
    """
    slower = {"node_ready_seconds": _NODE_SECONDS}
    place.cluster.post("/_emulator/player", json=slower).raise_for_status()
    for namespace in ("argocd", "flux-system"):
        _apply(place, "/api/v1/namespaces", _namespace(namespace))
    for each in applications():
        _apply(place, _APPLICATIONS, each)
    for file, path in _FLUX.items():
        _apply(place, path, _read(PLATFORM / "flux-cd" / "clusters" / "aks" / file))
    repository = f"{place.platform.full_name}={place.platform.path}"
    arguments = ("--kubeconfig", place.settings["KUBECONFIG"], "--repository", repository)
    with started(
        "devtools.emulators.gitops", *arguments, "--sync-seconds", "0.5", log=place.folder / "gitops.log"
    ):
        yield


def applications() -> list[Object]:
    """What the example's ApplicationSet makes: an Application for each `globals.yaml`."""
    template = yaml.safe_dump(_read(PLATFORM / "argocd" / "applicationset.yaml")["spec"]["template"])
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    made = []
    for file in sorted(PLATFORM.glob("sources/values/*/globals.yaml")):
        values = _read(file)
        filled = template.replace("{{ .namespace }}", values["namespace"])
        filled = filled.replace("{{ .environment.name }}", values["environment"]["name"])
        made.append(kind | yaml.safe_load(filled))
    return made


def brought(place: World) -> bool:
    """Whether Argo CD calls every Application healthy; Flux has pods to show for itself."""
    found = place.cluster.get(_APPLICATIONS).raise_for_status().json()["items"]
    return all(each.get("status", {}).get("health", {}).get("status") == "Healthy" for each in found)


def _apply(place: World, path: str, manifest: Object) -> None:
    name = manifest["metadata"]["name"]
    apply(place.cluster, f"{path}/{name}", manifest, manager="demo").raise_for_status()


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _read(file: Path) -> Object:
    found: Object = yaml.safe_load(file.read_text())
    return found
