"""The two ConfigMaps of kube-system that configure monitoring for the whole cluster."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import yaml

from coppice.components.monitoring.shared import JOBS_KEY, Shared, SharedConfig
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Gone
from tests.support.world import World

PRODUCTION = """# of the platform team
global: {scrape_interval: 30s}
scrape_configs:
- job_name: production  # do not touch
  kubernetes_sd_configs:
  - role: pod
    namespaces: {names: [project]}
"""
PATTERN = 'podannotationnamespaceregex = "project"\n'


@dataclass
class SharedConfigs:
    """Reads and edits the ConfigMaps."""

    world: World

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        with self.world.call("get shared monitoring"):
            found = {name: config for name, config in self.world.shared.items() if name in names}
            return Shared(jobs=found.get(SharedName.JOBS), settings=found.get(SharedName.SETTINGS))

    def edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        with self.world.call(f"replace ConfigMap/kube-system/{name}"):
            current = self.world.shared.get(name)
            if current is None:
                raise Gone(f"{name} is gone")
            edited = change(current)
            if edited != current:
                self.world.shared[name] = replace(edited, version=self.world.number())


def keep(world: World) -> None:
    """Add the two ConfigMaps as a platform team configures them."""
    for name, data in (
        (SharedName.JOBS, {JOBS_KEY: PRODUCTION}),
        (SharedName.SETTINGS, {"pod-annotation-based-scraping": PATTERN}),
    ):
        world.shared[name] = SharedConfig(name=name, version=world.number(), data=data)


def older_kind(namespace: str, job: str = "pods") -> tuple[dict[str, Any], ...]:
    """Return the objects for kube-system in an overlay of the older kind."""
    jobs = {
        "scrape_configs": [
            {
                "job_name": job,
                "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [namespace]}}],
            }
        ]
    }
    pattern = f'podannotationnamespaceregex = "{namespace}"'
    return (
        for_kube_system("ama-metrics-prometheus-config", {JOBS_KEY: yaml.safe_dump(jobs)}),
        for_kube_system("ama-metrics-settings-configmap", {"pod-annotation-based-scraping": pattern}),
    )


def for_kube_system(name: str, data: dict[str, str]) -> dict[str, Any]:
    """Return an overlay's ConfigMap for the namespace kube-system."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kube-system"},
        "data": data,
    }
