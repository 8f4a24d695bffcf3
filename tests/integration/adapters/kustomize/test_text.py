"""That what a placeholder stands for is text, in whatever way kustomize brings it into an object."""

from pathlib import Path

import pytest

from adapters.kustomize.build import Kustomize, find
from coppice.manifests.placeholders import Placeholders, substitute
from coppice.reconciler.errors import NotSetUp

OVERLAY = "overlay"
TREE = {
    f"{OVERLAY}/kustomization.yaml": b"""\
resources: [objects.yaml]
labels: [{pairs: {slug: BRANCH_NAME}}]
commonAnnotations: {slug: BRANCH_NAME}
images: [{name: web, newTag: BRANCH_NAME}]
configMapGenerator:
  - {name: generated, literals: [slug=BRANCH_NAME, COMMIT_SHA=COMMIT_SHA], envs: [some.env]}
generatorOptions: {disableNameSuffixHash: true}
patches:
  - target: {kind: ConfigMap, name: plain}
    patch: |-
      - op: add
        path: /data/operation
        value: BRANCH_NAME
  - patch: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: plain}
      data:
        merged: BRANCH_NAME
  - path: patch.yaml
    target: {kind: ConfigMap, name: plain}
""",
    f"{OVERLAY}/some.env": b"from-env=BRANCH_NAME\n",
    f"{OVERLAY}/patch.yaml": b"- op: add\n  path: /data/file\n  value: BRANCH_NAME\n",
    f"{OVERLAY}/objects.yaml": b"""\
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, labels: {own: BRANCH_NAME}}
data:
  block: BRANCH_NAME
  COMMIT_SHA: COMMIT_SHA
---
apiVersion: v1
kind: Pod
metadata: {name: BRANCH_NAME}
spec:
  containers:
    - name: web
      image: web
      env: [{name: COMMIT_SHA, value: COMMIT_SHA}]
""",
}


@pytest.fixture(scope="module")
def kustomize() -> Kustomize:
    try:
        command = find(Path(__file__).resolve().parents[4])
    except NotSetUp as error:
        pytest.skip(str(error))
    return Kustomize(lambda: command)


@pytest.mark.parametrize(
    "slug", ["2024-11-06", "null", "7", "9000", "yes", "012", "12e3", "0x1f", "true", "on", "nan", "n", "x"]
)
@pytest.mark.parametrize("commit", ["1" * 40, "12e34567" + "8" * 32])
def test_a_slug_is_text_whatever_yaml_thinks_of_it(kustomize: Kustomize, slug: str, commit: str) -> None:
    values = Placeholders(slug=slug, database=f"feature_{slug}", commit=commit)

    built = kustomize.build(substitute(TREE, [OVERLAY], values), OVERLAY)

    found = {each["metadata"]["name"]: each for each in built}
    assert found["plain"]["data"] == {
        "block": slug,
        "COMMIT_SHA": commit,
        "operation": slug,
        "merged": slug,
        "file": slug,
    }
    assert found["plain"]["metadata"]["labels"] == {"own": slug, "slug": slug}
    assert found["plain"]["metadata"]["annotations"] == {"slug": slug}
    assert found["generated"]["data"] == {"slug": slug, "COMMIT_SHA": commit, "from-env": slug}
    (container,) = found[slug]["spec"]["containers"]
    assert container["image"] == f"web:{slug}"
    assert container["env"] == [{"name": "COMMIT_SHA", "value": commit}]
