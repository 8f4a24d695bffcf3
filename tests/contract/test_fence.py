"""An API server takes the fence that is shipped as it is, and applying it again changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioning.fence import FenceConfig, fence
from provisioning.fence_files import load

FILES = {file.name: file.read_text() for file in (Path(__file__).parents[2] / "fence").glob("*.yaml")}
TERMS = FenceConfig(
    templates=load(FILES),
    gateway=("10.225.0.0/24", "fd12:3456::/64"),
    database=("10.226.4.0/28",),
    private=("10.9.0.0/16",),
)
PATHS = {
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas/{}",
    "LimitRange": "/api/v1/namespaces/{}/limitranges/{}",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/{}",
}
Apply = Callable[..., httpx.Response]


def path(manifest: Any) -> str:
    return PATHS[manifest["kind"]].format(manifest["metadata"]["namespace"], manifest["metadata"]["name"])


@pytest.mark.parametrize("terms", [TERMS, FenceConfig(templates=TERMS.templates)], ids=["configured", "bare"])
def test_the_fence_is_applied_and_applying_it_again_changes_nothing(
    apply: Apply, namespace: str, terms: FenceConfig
) -> None:
    for manifest in fence(terms, namespace, ()):
        first = apply(path(manifest), manifest, fieldValidation="Strict")
        assert first.status_code == 201, first.text
        again = apply(path(manifest), manifest, fieldValidation="Strict")
        assert again.status_code == 200
        assert again.json()["spec"] == first.json()["spec"]
        assert again.json()["metadata"]["labels"] == first.json()["metadata"]["labels"]


def test_the_rules_stand_as_they_were_written(api: httpx.Client, apply: Apply, namespace: str) -> None:
    policies = [each for each in fence(TERMS, namespace, ()) if each["kind"] == "NetworkPolicy"]
    assert policies
    for manifest in policies:
        apply(path(manifest), manifest).raise_for_status()
        stands = api.get(path(manifest)).json()["spec"]
        assert {"podSelector": stands["podSelector"], **manifest["spec"]} == stands


def test_a_rule_that_is_no_longer_wanted_goes(api: httpx.Client, apply: Apply, namespace: str) -> None:
    bare = FenceConfig(templates=TERMS.templates)
    for terms in (TERMS, bare):
        for manifest in fence(terms, namespace, ()):
            apply(path(manifest), manifest).raise_for_status()
    (ingress,) = [
        each for each in fence(bare, namespace, ()) if each["metadata"]["name"] == "coppice-ingress"
    ]
    assert len(api.get(path(ingress)).json()["spec"]["ingress"]) == len(ingress["spec"]["ingress"]) == 2
