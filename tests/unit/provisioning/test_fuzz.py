"""Whatever an overlay holds ends in a plan or in a verdict, all the way from the archive: in nothing else.

Objects are mutated by the thousand: values of other types, fields of other kinds, subtrees in other places.
"""

import contextlib
import copy
import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from app.settings import DEFAULT_KINDS
from coppice.components.observed import Observed
from coppice.manifests.archive import Tree
from coppice.manifests.documents import BadYaml, load_all
from coppice.manifests.rejection import Refusal, Rejection
from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Present
from provisioning.admission import AdmissionPolicy
from provisioning.fence import FenceConfig
from provisioning.placement import Placement
from provisioning.renderer import Desired, Layout, render
from provisioning.secrets import VaultConfig
from tests.support.config import CONFIG, TENANT, key
from tests.support.manifests import cron_job, job, overlay, scaler
from tests.support.program import Program
from tests.support.repository import Fetched

OVERLAYS = ("manifests/overlays/feature", "manifests/overlays/azure-feature")
KINDS = (
    *DEFAULT_KINDS.split(","),
    "Pod",
    "networking.k8s.io/Ingress",
    "keda.sh/ScaledJob",
    "example.com/Widget",
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 1.5, 10**30, "", "x", "0", "100%", "\n", "ü\ud7ff", "x" * 300),
    *([], {}, [None], [[]], [{}], {"": ""}, {"a": None}, {"name": "x"}, [{"name": "x"}], ["feature-x"]),
    *("BRANCH_NAME", "feature-x", "production", "array: ['a: b']", "* * * * *", {"matchLabels": {"a": "b"}}),
)


def _others() -> tuple[dict[str, Any], ...]:
    def obj(version: str, kind: str, name: str = "web", **fields: Any) -> dict[str, Any]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}

    labels = {"matchLabels": {"app": "web"}}
    provider = {
        "provider": "azure",
        "parameters": {"keyvaultName": "kv", "objects": "array: ['objectName: a-feature']"},
        "secretObjects": [{"secretName": "s", "type": "Opaque", "data": [{"key": "a", "objectName": "a"}]}],
    }
    mounted = {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "web"}}
    pod = {
        "serviceAccountName": "postgres-service-account",
        "containers": [{"name": "c", "image": "i", "livenessProbe": {"httpGet": {"port": 80}}}],
        "volumes": [{"name": "v", "csi": mounted}],
        "tolerations": [{"key": "dev", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    }
    claims = [{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    rule = {"to": [{"ipBlock": {"cidr": "10.2.0.0/16", "except": []}}], "ports": [{"port": 53}]}
    triggers = [{"type": "redis", "metadata": {"address": "redis.feature-x.svc:6379"}}]
    return (
        obj("v1", "Service", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        obj("v1", "Secret", type="Opaque", stringData={"a": "b"}),
        obj("v1", "PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}}),
        obj("v1", "Pod", spec=pod),
        obj("v1", "Namespace", "feature-x"),
        obj("v1", "ResourceQuota", spec={"hard": {"pods": "5"}}),
        obj("apps/v1", "StatefulSet", spec={"template": {"spec": pod}, "volumeClaimTemplates": claims}),
        obj("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": labels}),
        obj("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "egress": [rule]}),
        obj("networking.k8s.io/v1", "Ingress", spec={"rules": [{"host": "x.dev.example.com"}]}),
        obj("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", spec=provider),
        obj("keda.sh/v1alpha1", "ScaledJob", spec={"jobTargetRef": {"template": {}}, "triggers": triggers}),
        obj("alb.networking.azure.io/v1", "RoutePolicy", spec={"targetRef": {"name": "web"}}),
        obj("example.com/v1", "Widget", spec={"hostnames": ["x"]}),
    )


def _monitoring() -> tuple[dict[str, Any], ...]:
    discovery = "kubernetes_sd_configs: [{role: pod, namespaces: {names: [feature-x]}}]"
    system = {
        "ama-metrics-prometheus-config": {
            "prometheus-config": f"scrape_configs: [{{job_name: web, {discovery}}}]"
        },
        "ama-metrics-settings-configmap": {
            "pod-annotation-based-scraping": 'podannotationnamespaceregex = "feature-x"'
        },
    }
    endpoint = {"port": "web", "relabelings": [{"regex": "a", "action": "drop"}]}
    return (
        {
            "apiVersion": "azmonitoring.coreos.com/v1",
            "kind": "PodMonitor",
            "metadata": {"name": "web"},
            "spec": {"selector": {}, "podMetricsEndpoints": [endpoint]},
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "kube-system"},
                "data": data,
            }
            for name, data in system.items()
        ),
    )


OBJECTS = (
    *overlay(job(), cron_job(), scaler("HorizontalPodAutoscaler", "web"), scaler("ScaledObject", "web")),
    *_others(),
)
MONITORING = _monitoring()


def mutated(chance: random.Random, among: Sequence[Any]) -> list[Any]:
    """Some of the objects, with a few changes at any place in them."""
    objects: list[Any] = copy.deepcopy(chance.sample(among, chance.randint(0, 3)))
    for _ in range(chance.randint(0, 2)):
        places = [place for each in objects for place in _places(each)]
        if not places:
            continue
        holder, at = chance.choice(places)
        match chance.randrange(4):
            case 0 if isinstance(holder, dict):
                del holder[at]
            case 1:
                holder[at] = copy.deepcopy(_get(*chance.choice(places)))
            case 2 if isinstance(holder, dict):
                _, word = chance.choice(places)
                holder[str(word)] = copy.deepcopy(chance.choice(ODD))
            case _:
                holder[at] = copy.deepcopy(chance.choice(ODD))
    return objects


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for at, item in items:
        yield value, at
        yield from _places(item)


def _get(holder: Any, at: Any) -> Any:
    return holder[at] if not isinstance(holder, dict) or at in holder else None


class Builder:
    """Reads the objects as the adapter reads what kustomize prints."""

    @contextlib.contextmanager
    def workspace(self, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        yield partial(self._build, tree)

    def _build(self, tree: Tree, folder: str) -> tuple[dict[str, Any], ...]:
        try:
            documents = load_all(tree[f"{folder}/objects.yaml"])
        except BadYaml as error:
            raise Rejection((Refusal(folder, str(error)),)) from error
        if not all(isinstance(each, dict) for each in documents):
            raise Rejection((Refusal(folder, "it holds a document that is no object"),))
        return tuple(each for each in documents if isinstance(each, dict))


@dataclass
class FuzzedProgram(Program):
    """The program, whose only branch asks for objects that are not looked at by the fakes."""

    packed: bytes = b""

    def _desired(self, commit: str, observed: Observed) -> Desired | Rejection:
        guard = AdmissionPolicy(
            namespace=observed.name.namespace,
            allowed_kinds=frozenset(KINDS),
            hosts=frozenset(observed.name.hosts),
            gateways=frozenset({"agc-shared/agc-feature-gateway"}),
            key_vaults=frozenset({"kv"}),
            key_vault_objects=frozenset({"*feature*"}),
            database_secret="branch-database",
            tolerations=({"key": "dev", "operator": "Exists"},),
            egress=({"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]},),
        )
        layout = Layout(
            manifests="manifests",
            overlays=OVERLAYS,
            tenant=TENANT,
            accounts=CONFIG.accounts,
            vaults=VaultConfig(vaults=("kv",), objects=("a-feature",)),
            fence=FenceConfig(templates=()),
            placement=Placement(
                node_selector={"pool": "dev"}, tolerations=({"key": "dev", "operator": "Exists"},)
            ),
        )
        fetched = Fetched(self.packed)
        return render(
            commit,
            observed.key,
            observed.name,
            layout=layout,
            guard=guard,
            archives=fetched,
            builder=Builder(),
        )


def _packed(application: str, monitoring: str, kustomization: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder, objects in zip(OVERLAYS, (application, monitoring), strict=True):
            for name, text in (("kustomization.yaml", kustomization), ("objects.yaml", objects)):
                member = tarfile.TarInfo(f"repository/{folder}/{name}")
                content = text.encode()
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), compresslevel=1)


def _garbled(text: str, chance: random.Random) -> str:
    if chance.randrange(40):
        return text
    at = chance.randrange(len(text) + 1)
    return (
        text[:at]
        + chance.choice(["", "&a ", "*a", "[", "{", "}", "\t", "- ", ": ", "\x00", "é"])
        + text[at + 1 :]
    )


def go(seed: int, times: int) -> int:
    """Plan for so many overlays; returns how many were let through."""
    passed = 0
    for number in range(times):
        chance = random.Random(f"{seed}/{number}")
        sides = (mutated(chance, OBJECTS), mutated(chance, MONITORING))
        texts = ["\n---\n".join(json.dumps(each) for each in side) for side in sides]
        kustomization = _garbled("resources: [objects.yaml]\n", chance)
        application, monitoring = (_garbled(text, chance) for text in texts)
        program = FuzzedProgram(packed=_packed(application, monitoring, kustomization))
        commit = program.push("x")
        try:
            observed = program.reconciler.look(key("x"))
            program.reconciler.plan(observed)
            program.run("x")
        except Failure:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}, number {number}, commit {commit}") from error
        passed += isinstance(observed.desired, Present) and isinstance(observed.desired.value, Desired)
    return passed


def test_a_mutated_overlay_ends_in_a_plan_or_a_verdict() -> None:
    passed = go(0, 400)
    assert 20 < passed < 380  # otherwise it shows little


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20))
def test_a_million_mutated_objects_end_in_plans_or_verdicts(seed: int) -> None:
    go(seed, 17_500)  # some three objects each
