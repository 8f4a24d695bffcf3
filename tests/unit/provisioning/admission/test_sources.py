import time
import tracemalloc

import pytest

from provisioning.admission import check_sources

OVERLAY = "manifests/overlays/feature"


def refused(text: str, **files: str) -> str:
    """What stands against an overlay with this kustomization; further files by path below the manifests."""
    tree = {
        f"{OVERLAY}/kustomization.yaml": text.encode(),
        f"{OVERLAY}/web.yaml": b"kind: Deployment",
        f"{OVERLAY}/github.com/org/repo/web.yaml": b"",
        f"{OVERLAY}/org@host/repo/web.yaml": b"",
        "manifests/base/kustomization.yaml": b"resources: [service.yaml]",
        "manifests/base/service.yaml": b"kind: Service",
        **{f"manifests/{path}": content.encode() for path, content in files.items()},
    }
    return "; ".join(map(str, check_sources(tree, [OVERLAY])))


GOOD = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: feature-login
resources: [../../base/, web.yaml]
commonAnnotations: {docs: "https://example.com/?ref=main"}
patches:
  - path: web.yaml
    target: {kind: Deployment}
  - patch: |
      - op: replace
        path: /spec/replicas
        value: 1
patchesStrategicMerge:
  - |
    kind: Deployment
    metadata: {name: web}
  - "{kind: Deployment, metadata: {name: web}}"
configMapGenerator:
  - name: settings
    files: [web.yaml, other=web.yaml]
    envs: [web.yaml]
    literals: [url=https://example.com]
secretGenerator: [{name: s, env: web.yaml}]
replacements: [{path: web.yaml}, {source: {kind: Service}, targets: []}]
openapi: {path: web.yaml}
images: [{name: web, newName: ghcr.io/acme/web, newTag: "1"}]
"""


def test_an_ordinary_overlay_passes() -> None:
    assert refused(GOOD) == ""


REMOTES = [
    "https://example.com/x.yaml",
    "HTTPS://example.com/x.yaml",
    "http://127.0.0.1:1/x.yaml",
    "https://github.com/org/repo//base?ref=main",
    "github.com/org/repo",
    "GitHub.com/org/repo",
    "g\u0130thub.com/org/repo",
    "github.com:org/repo",
    "git@github.com:org/repo.git",
    "org@host/repo",
    "git::https://example.com/repo",
    "ssh://git@example.com/repo",
    "file:///srv/repo.git",
    "oci://registry/image",
    "host.example:org/repo",
    "../../base?ref=main",
    "..\\\\..\\\\base",
]


@pytest.mark.parametrize("remote", REMOTES)
@pytest.mark.parametrize(
    "field",
    [
        'resources: ["{}"]',
        'bases: ["{}"]',
        'components: ["{}"]',
        'crds: ["{}"]',
        'configurations: ["{}"]',
        'patchesStrategicMerge: ["{}"]',
        'patches: [{{path: "{}"}}]',
        'patchesJson6902: [{{path: "{}"}}]',
        'replacements: [{{path: "{}"}}]',
        'openapi: {{path: "{}"}}',
        'configMapGenerator: [{{name: x, files: ["{}"]}}]',
        'configMapGenerator: [{{name: x, files: ["key={}"]}}]',
        'secretGenerator: [{{name: x, envs: ["{}"]}}]',
        'secretGenerator: [{{name: x, env: "{}"}}]',
    ],
)
def test_nothing_remote_is_let_through_wherever_kustomize_would_take_it(field: str, remote: str) -> None:
    assert refused(field.format(remote)).startswith(
        f"{OVERLAY}/kustomization.yaml: {field.partition(':')[0]}"
    )


@pytest.mark.parametrize("path", ["../../../../etc/passwd", "/etc/passwd", "../../../src", "missing.yaml"])
def test_a_path_that_is_not_among_the_manifests_is_refused(path: str) -> None:
    assert "is not among the manifests" in refused(f"resources: [{path}]")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("helmCharts: [{name: x, repo: https://charts.example.com}]", "Helm charts are not rendered"),
        ("helmChartInflationGenerator: []", "Helm charts are not rendered"),
        ("helmGlobals: {chartHome: x}", "Helm charts are not rendered"),
        ("generators: [web.yaml]", "plugins are not run"),
        ("transformers: [web.yaml]", "plugins are not run"),
        ("validators: ['apiVersion: x']", "plugins are not run"),
        ("Resources: ['https://example.com']", "'Resources': there is no such field"),
        ("HELMCHARTS: []", "there is no such field"),
        ("patches: [{Path: 'https://example.com'}]", "patches: there is no field 'Path'"),
        ("configMapGenerator: [{FILES: ['https://example.com']}]", "there is no field 'FILES'"),
        ("resources: [!!binary aHR0cHM6Ly9leGFtcGxlLmNvbQ==]", "the tag '!!binary' is not read"),
        ("resources: web.yaml", "resources must be a list"),
        ("resources: [{a: b}]", "resources[] must be a string"),
        ("patches: [web.yaml]", "patches[] must be a map"),
        ("- resources", "must be a map"),
        ("resources: [web.yaml]\nresources: ['https://example.com']", "the same key stands here twice"),
        ("resources: [web.yaml]\n---\nresources: ['https://example.com']", "2 documents"),
        ("a: [", "line 2: did not find"),
    ],
)
def test_what_kustomize_might_read_otherwise_is_refused(text: str, reason: str) -> None:
    assert reason in refused(text)


def test_every_kustomization_that_is_reached_is_judged_and_every_reason_given() -> None:
    reason = refused(
        "resources: [../../base, 'https://one.example']\nhelmCharts: []",
        **{
            "base/kustomization.yaml": "components: [../part]",
            "part/kustomization.yaml": "crds: ['https://two.example']",
        },
    )
    assert "https://one.example" in reason
    assert "Helm" in reason
    assert "manifests/part/kustomization.yaml: crds: 'https://two.example'" in reason


def test_a_folder_needs_exactly_one_kustomization() -> None:
    assert "manifests/base: holds kustomization.yaml and Kustomization" in refused(
        "resources: [../../base]", **{"base/Kustomization": ""}
    )
    assert "manifests/empty: holds no kustomization.yaml" in refused(
        "resources: [../../empty]", **{"empty/x": ""}
    )
    (refusal,) = check_sources({}, ["overlays/other"])
    assert str(refusal).startswith(
        "overlays/other: is not among the manifests at this commit; commit it below"
    )


def test_what_is_committed_is_not_told_to_be_committed() -> None:
    odd = refused("resources: [../../feature@2]", **{"feature@2/kustomization.yaml": ""})
    assert "'../../feature@2' could be taken for an address; rename that folder" in odd
    folder = refused("patches: [{path: ../../patches}]", **{"patches/web.yaml": ""})
    assert "patches.path: '../../patches' is a folder; name a file" in folder
    assert "commit" not in odd + folder


def test_exploding_anchors_are_refused_in_any_file_that_kustomize_parses() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
    )
    inline = "\n".join(f"      {line}" for line in bomb.splitlines())
    assert "unfolds" in refused(bomb)
    assert "resources: 'web.yaml': line" in refused(
        "resources: [web.yaml]", **{"overlays/feature/web.yaml": bomb}
    )
    assert "patches.patch: line" in refused(f"patches:\n  - patch: |\n{inline}\n")
    assert (
        refused("configMapGenerator: [{name: x, files: [web.yaml]}]", **{"overlays/feature/web.yaml": bomb})
        == ""
    )


def test_bases_that_multiply_or_build_on_themselves_are_refused_in_no_time() -> None:
    doubling = {
        f"d{level}/kustomization.yaml": f"resources: [../d{level + 1}, ../d{level + 1}]"
        for level in range(60)
    }
    started = time.monotonic()
    assert "is built from more than" in refused("resources: [../../d0]", **doubling)
    assert "or from itself" in refused("resources: [../feature]")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "name", ["icon@2x.json", "a#b (1).txt", "r\u00e9sum\u00e9.txt", "a~b%20&c'.txt", "github.com"]
)
@pytest.mark.parametrize(
    "field", ['configMapGenerator: [{{name: x, files: ["key={}"]}}]', 'patches: [{{path: "{}"}}]']
)
def test_a_committed_file_that_is_no_base_may_be_called_as_it_likes(field: str, name: str) -> None:
    tree = {f"{OVERLAY}/kustomization.yaml": field.format(name).encode(), f"{OVERLAY}/{name}": b"{}"}
    assert check_sources(tree, [OVERLAY]) == ()


def test_a_committed_base_that_could_be_taken_for_an_address_is_to_be_renamed() -> None:
    tree = {f"{OVERLAY}/kustomization.yaml": b"resources: [a@b.yaml]", f"{OVERLAY}/a@b.yaml": b"{}"}
    (refusal,) = check_sources(tree, [OVERLAY])
    assert "rename that file" in refusal.reason
    assert "commit a copy" not in refusal.reason


@pytest.mark.parametrize(
    "kustomization",
    ["resources:\n" + "- .\n" * 40_000, "resources:\n" + "- big.yaml\n" * 20_000, "- .\n" * 40_000],
)
def test_a_few_kilobytes_take_neither_the_memory_nor_the_time_of_the_worker(kustomization: str) -> None:
    big = f"a: [{'1,' * 90_000}]".encode()
    tracemalloc.start()
    try:
        found = check_sources({"o/kustomization.yaml": kustomization.encode(), "o/big.yaml": big}, ["o"])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found
    assert most < 64 * 2**20


def test_bases_that_multiply_are_counted_and_not_followed() -> None:
    tree = {
        f"f{number}/kustomization.yaml": f"resources: [../f{number + 1}, ../f{number + 1}/]".encode()
        for number in range(500)
    }
    found = check_sources({**tree, "f500/kustomization.yaml": b"namespace: x"}, ["f0"])
    assert "is built from more than 500000 values, or from itself" in str(found[0])


def test_a_base_that_is_reached_by_two_ways_passes() -> None:
    tree = {
        "a/kustomization.yaml": b"resources: [../b, ../c]",
        "b/kustomization.yaml": b"resources: [../c]",
        "c/kustomization.yaml": b"namespace: x",
    }
    assert check_sources(tree, ["a"]) == ()
