"""What says that a namespace is an environment is put on it, and taken off, by nobody who should not."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from devtools.cluster.connection import merge

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

PROVISIONING, DEPROVISIONING = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
MARKS = {
    "labels": {"app.kubernetes.io/managed-by": "coppice", "app.kubernetes.io/part-of": "x"},
    "annotations": {"coppice.dev/repository": "owner/name", "coppice.dev/branch": "feature/x"},
}

Acting = Callable[[str], httpx.Client]


@pytest.fixture
def dana(ordinary_user: httpx.Client) -> httpx.Client:
    return ordinary_user


@pytest.fixture
def deprovisioning(acting: Acting) -> httpx.Client:
    return acting(DEPROVISIONING)


@pytest.fixture
def environment(acting: Acting, api: httpx.Client) -> Iterator[str]:
    name = f"feature-{uuid.uuid4().hex[:8]}"
    assert create(acting(PROVISIONING), name, MARKS).status_code == 201
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


def create(client: httpx.Client, name: str, metadata: dict[str, Any]) -> httpx.Response:
    return client.post("/api/v1/namespaces", json={"metadata": {**metadata, "name": name}})


def refused(answer: httpx.Response, policy: str) -> bool:
    return (
        answer.status_code == 422
        and f"ValidatingAdmissionPolicy 'coppice-{policy}'" in answer.json()["message"]
    )


def test_an_ordinary_user_cannot_pass_a_namespace_off_as_an_environment(
    api: httpx.Client, dana: httpx.Client, deprovisioning: httpx.Client
) -> None:
    assert create(dana, "feature-danas", {}).status_code == 201
    path = "/api/v1/namespaces/feature-danas"
    whole = api.get(path).json()
    whole["metadata"] |= MARKS
    try:
        for part, marks in MARKS.items():
            assert refused(create(dana, "feature-marked", {part: marks}), "marks")
            assert refused(merge(dana, path, {"metadata": {part: marks}}), "marks")
            assert refused(merge(dana, f"{path}/status", {"metadata": {part: marks}}), "marks")
        assert refused(dana.put(f"{path}/finalize", json=whole), "marks")
        assert refused(deprovisioning.delete(path), "namespaces")
    finally:
        api.delete(path)


def test_an_ordinary_user_cannot_take_the_marks_off(dana: httpx.Client, environment: str) -> None:
    path = f"/api/v1/namespaces/{environment}"
    for mark in (
        {"labels": {"app.kubernetes.io/managed-by": None}},
        {"labels": {"app.kubernetes.io/part-of": "y"}},
        {"annotations": {"coppice.dev/branch": None}},
        {"annotations": {"coppice.dev/branch": "main"}},
        {"annotations": {"coppice.dev/identity": "group/theirs"}},
    ):
        assert refused(merge(dana, path, {"metadata": mark}), "marks")


def test_ordinary_users_go_on_working_with_namespaces(
    api: httpx.Client, dana: httpx.Client, environment: str
) -> None:
    helms = {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"team": "blue"}}
    assert create(dana, "blue", helms).status_code == 201
    assert merge(dana, "/api/v1/namespaces/blue", {"metadata": {"annotations": {"team": None}}}).is_success
    assert merge(
        dana, f"/api/v1/namespaces/{environment}", {"metadata": {"labels": {"team": "red"}}}
    ).is_success
    assert dana.delete("/api/v1/namespaces/blue").is_success
