"""Who forbids, as a real API server says it: its authorizer by roles, admission by the cluster's rules."""

from pathlib import Path
from typing import Any

import pytest

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from adapters.kubernetes.paths import path
from coppice.reconciler.errors import Forbidden, Rejected

pytestmark = pytest.mark.cluster


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "web:1", **spec.pop("container", {})}
    return {"metadata": {"name": "web"}, "spec": {"containers": [container], **spec}}


@pytest.mark.parametrize(
    "refused",
    [
        pod(container={"securityContext": {"privileged": True}}),
        pod(priorityClassName="no-such-class"),
        pod(serviceAccountName="no-such-account"),
    ],
    ids=["Pod Security", "Priority", "ServiceAccount"],
)
def test_what_admission_refuses_is_rejected_in_its_own_words(
    kubeconfig: Path, namespace: str, refused: dict[str, Any]
) -> None:
    api = Api(by_kubeconfig(str(kubeconfig)))
    with pytest.raises(Rejected, match="is forbidden: ") as caught:
        api.post(path("v1", "pods", namespace=namespace), refused)
    assert "roles" not in caught.value.message


@pytest.mark.parametrize("place", ["/api/v1/namespaces/default/secrets", "/metrics"])
def test_what_nobody_granted_is_a_matter_of_roles(kubeconfig: Path, place: str) -> None:
    api = Api(by_kubeconfig(str(kubeconfig)), impersonate="nobody")
    with pytest.raises(Forbidden, match="Check the roles"):
        api.get(place)


def test_a_write_that_nobody_granted_is_a_matter_of_roles_too(kubeconfig: Path) -> None:
    api = Api(by_kubeconfig(str(kubeconfig)), impersonate="nobody")
    with pytest.raises(Forbidden, match="Check the roles"):
        api.post(path("v1", "configmaps", namespace="default"), {"metadata": {"name": "a"}})
