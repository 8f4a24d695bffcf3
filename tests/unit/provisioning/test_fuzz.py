"""Any overlay ends in a plan or a verdict, on the whole way from the archive, and never in another error.

Thousands of mutated objects are tried: values and fields of other types, and subtrees in other positions.
"""

import contextlib
import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator
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
from tests.support.program import Program
from tests.support.repository import Fetched
from tests.unit.provisioning.mutated_objects import MONITORING, OBJECTS, mutated

OVERLAYS = ("manifests/overlays/feature", "manifests/overlays/azure-feature")
KINDS = (
    *DEFAULT_KINDS.split(","),
    "Pod",
    "networking.k8s.io/Ingress",
    "keda.sh/ScaledJob",
    "example.com/Widget",
)


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


def run_mutations(seed: int, times: int) -> int:
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
    passed = run_mutations(0, 400)
    assert 20 < passed < 380  # otherwise it shows little


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20))
def test_a_million_mutated_objects_end_in_plans_or_verdicts(seed: int) -> None:
    run_mutations(seed, 17_500)  # some three objects each
