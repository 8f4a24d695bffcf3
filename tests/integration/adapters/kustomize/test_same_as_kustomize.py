"""bin/overlay-builder builds what kustomize itself builds, and refuses what it refuses, in the same words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.kustomize.build import Kustomize
from adapters.kustomize.process import Program
from coppice.manifests.archive import Tree
from coppice.manifests.rejection import Rejection
from provisioning.admission.tables import tables

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
OVERLAYS = sorted(each.parent for each in EXAMPLES.rglob("kustomization.yaml"))
KINDS = [(version, kind) for kind, versions in tables().kinds.items() for version in versions]
# By which lists are merged, and which a patch therefore leaves as they are.
KEYS = {"name", "key", "port", "containerPort", "protocol", "mountPath", "devicePath", "ip", "type", "uid"}
KEYS |= {"topologyKey", "whenUnsatisfiable", "kind", "apiVersion"}
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
TEAM = {"apiVersion": "example.com/v1", "kind": "Team", "metadata": {"name": "team"}}
TEAM_SCHEMA = {
    "definitions": {
        "com.example.v1.Team": {
            "type": "object",
            "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Team"}],
            "properties": {
                "members": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"nick": {"type": "string"}}},
                    "x-kubernetes-patch-merge-key": "nick",
                    "x-kubernetes-patch-strategy": "merge",
                }
            },
        }
    }
}


@pytest.fixture(scope="module")
def both(overlay_builder: Program, kustomize: Program) -> tuple[Kustomize, Kustomize]:
    return Kustomize(lambda: overlay_builder), Kustomize(lambda: kustomize)


def outcome(builder: Kustomize, tree: Tree, overlay: str) -> str:
    """What comes of a build, with the order of everything."""
    try:
        return json.dumps(builder.build(tree, overlay), indent=1)
    except Rejection as rejection:
        return str(rejection)


def same(both: tuple[Kustomize, Kustomize], tree: Tree, overlay: str = "o") -> Any:
    """Build in both ways, which gives the same, and return it."""
    ours, theirs = (outcome(each, tree, overlay) for each in both)
    assert ours == theirs
    return json.loads(ours) if ours.startswith("[") else ours


def overlay(*objects: Any, patches: tuple[Any, ...] = (), **fields: Any) -> dict[str, bytes]:
    """An overlay `o` of objects from a base, and patches for them."""
    kustomization = {"resources": ["../base"], "patches": [{"patch": json.dumps(each)} for each in patches]}
    return {
        "base/kustomization.yaml": b"resources: [all.yaml]",
        "base/all.yaml": yaml.safe_dump_all(objects).encode(),
        "o/kustomization.yaml": json.dumps({**kustomization, **fields}).encode(),
    }


def pod(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**WEB, "spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize("folder", OVERLAYS, ids=lambda folder: str(folder.relative_to(EXAMPLES)))
def test_every_kustomization_of_the_examples(both: tuple[Kustomize, Kustomize], folder: Path) -> None:
    files = {
        str(each.relative_to(EXAMPLES)): each.read_bytes() for each in EXAMPLES.rglob("*") if each.is_file()
    }
    same(both, files, str(folder.relative_to(EXAMPLES)))


def full(type_: str, number: int, *, change: str = "") -> Any:
    """A value of a type in the tables, with every field, and two elements in each list."""
    if type_.startswith("[]"):
        return [full(type_[2:], each, change=change) for each in (number, number + 1)]
    if type_.startswith("map["):
        inner = type_.partition("]")[2]
        return {f"key-{each}": full(inner, each, change=change) for each in (number, number + 1)}
    if definition := tables().definitions.get(type_):
        return {
            name: full(of, number, change="" if name in KEYS else change)
            for name, of in definition.allowed.items()
            if of != type_  # a schema of its own, such as a JSON schema's
        }
    return f"value-{number}{change}"


@pytest.mark.parametrize(("version", "kind"), KINDS, ids=str)
def test_a_patch_of_every_field_of_every_kind(
    both: tuple[Kustomize, Kustomize], version: str, kind: str
) -> None:
    definition = tables().kinds[kind][version]
    named = {"apiVersion": version, "kind": kind.rpartition("/")[2], "metadata": {"name": "a"}}
    before, patch = full(definition, 1) | named, full(definition, 2, change="-changed") | named
    (built,) = same(both, overlay(before, patches=(patch,)))
    assert built["metadata"]["name"] == "a"


@pytest.mark.parametrize(
    ("field", "base", "patch", "merged"),
    [
        ("containers", [{"name": "a", "image": "a:1"}], [{"name": "a", "tty": True}], 1),
        ("initContainers", [{"name": "a"}], [{"name": "b"}], 2),
        ("volumes", [{"name": "a", "emptyDir": {}}], [{"name": "a", "$patch": "delete"}], 0),
        ("volumes", [{"name": "a"}, {"name": "b"}], [{"$patch": "replace"}, {"name": "c"}], 1),
        ("imagePullSecrets", [{"name": "a"}], [{"name": "b"}], 2),
        ("hostAliases", [{"ip": "::1", "hostnames": ["a"]}], [{"ip": "::1", "hostnames": ["b"]}], 1),
        ("tolerations", [{"key": "a"}], [{"key": "b"}], 1),  # has no merge key
        ("topologySpreadConstraints", [{"topologyKey": "a"}], [{"topologyKey": "b"}], 2),
    ],
)
def test_a_list_of_a_pod_is_merged_by_its_key(
    both: tuple[Kustomize, Kustomize], field: str, base: Any, patch: Any, merged: int
) -> None:
    (built,) = same(both, overlay(pod({field: base}), patches=(pod({field: patch}),)))
    assert len(built["spec"]["template"]["spec"][field]) == merged


def test_what_is_cluster_scoped_is_given_no_namespace(both: tuple[Kustomize, Kustomize]) -> None:
    kinds = {
        "v1": ("ConfigMap", "Namespace", "Node", "PersistentVolume", "Secret"),
        "rbac.authorization.k8s.io/v1": ("ClusterRole", "Role", "ClusterRoleBinding"),
        "policy/v1": ("PodDisruptionBudget",),
        "example.com/v1": ("Team",),
    }
    objects = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": kind.lower()}}
        for version, names in kinds.items()
        for kind in names
    ]
    built = same(both, overlay(*objects, patches=(objects[0],), namespace="x"))
    scoped = {each["kind"] for each in built if "namespace" not in each["metadata"]}
    assert scoped == {"Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding"}


MEMBERS = {**TEAM, "members": [{"nick": "a"}]}
MORE = {**TEAM, "members": [{"nick": "b"}]}
CONTAINERS = pod({"containers": [{"name": "a", "image": "a:1"}]})
TTY = pod({"containers": [{"name": "a", "tty": True}]})
MERGED, REPLACED = {"name": "a", "image": "a:1", "tty": True}, {"name": "a", "tty": True}


def lists(built: Any) -> tuple[Any, list[str]]:
    """The container, and the members of the team."""
    by_kind = {each["kind"]: each for each in built}
    (container,) = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container, [each["nick"] for each in by_kind["Team"]["members"]]


@pytest.mark.parametrize(
    ("openapi", "container", "members"),
    [
        ({}, MERGED, ["b"]),
        ({"version": "v1.21.2"}, MERGED, ["b"]),
        # It takes the place of Kubernetes' own: containers have no key then.
        ({"path": "team.json"}, REPLACED, ["b", "a"]),
    ],
)
def test_a_schema_of_an_overlay_means_what_it_does_to_kustomize(
    both: tuple[Kustomize, Kustomize], openapi: Any, container: Any, members: Any
) -> None:
    files = overlay(CONTAINERS, MEMBERS, patches=(TTY, MORE), openapi=openapi)
    files["o/team.json"] = json.dumps(TEAM_SCHEMA).encode()
    assert lists(same(both, files)) == (container, members)
    # The next build has nothing of it.
    assert lists(same(both, overlay(CONTAINERS, MEMBERS, patches=(TTY, MORE)))) == (MERGED, ["b"])


def test_a_schema_of_a_base_means_what_it_does_to_kustomize(both: tuple[Kustomize, Kustomize]) -> None:
    files = overlay(CONTAINERS, MEMBERS, patches=(TTY, MORE))
    files["base/kustomization.yaml"] = b"{resources: [all.yaml], openapi: {path: team.json}}"
    files["base/team.json"] = json.dumps(TEAM_SCHEMA).encode()
    container, members = lists(same(both, files))
    assert (container["name"], members) == ("a", ["b", "a"])


@pytest.mark.parametrize(
    "kustomization",
    [
        {"resources": ["missing.yaml"]},
        {"resources": ["../.."]},
        {"resources": ["/etc/hosts"]},
        {"resources": ["https://manifests.invalid/a.yaml"]},
        {"patches": [{"patch": json.dumps(WEB)}], "resources": ["../base"]},
        {"openapi": {"path": "missing.json"}, "resources": ["../base"]},
        {"openapi": {"version": "v0"}, "resources": ["../base"]},
        {"openapi": {"version": "v1.21.2", "path": "kustomization.yaml"}, "resources": ["../base"]},
        {"helmCharts": [{"name": "c", "repo": "https://charts.invalid"}]},
        {"unknown": 1},
        {"bases": ["../base"], "vars": [{"name": "x"}]},
        [],
    ],
)
def test_what_kustomize_refuses_is_refused_in_its_words(
    both: tuple[Kustomize, Kustomize], kustomization: Any
) -> None:
    files = overlay(MEMBERS)
    files["o/kustomization.yaml"] = json.dumps(kustomization).encode()
    said = same(both, files)
    assert isinstance(said, str)
    assert said.startswith("o: kustomize: ")


def test_what_kustomize_adds_bears_its_own_version(both: tuple[Kustomize, Kustomize]) -> None:
    (built,) = same(both, overlay(MEMBERS, buildMetadata=["managedByLabel", "originAnnotations"]))
    assert built["metadata"]["labels"]["app.kubernetes.io/managed-by"].startswith("kustomize-v5")
