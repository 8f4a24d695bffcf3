"""Leases: the locks of the program."""

import httpx


def test_a_lease_is_taken_by_whoever_writes_first(api: httpx.Client, namespace: str) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    spec = {"holderIdentity": "first", "leaseDurationSeconds": 60, "renewTime": "2026-01-01T00:00:00.000000Z"}
    lease = api.post(leases, json={"metadata": {"name": "branch"}, "spec": spec}).json()
    assert lease["spec"] == spec
    assert api.post(leases, json={"metadata": {"name": "branch"}, "spec": spec}).status_code == 409

    answers = [
        api.put(f"{leases}/branch", json=lease | {"spec": spec | {"holderIdentity": holder}})
        for holder in ("second", "third")
    ]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert api.get(f"{leases}/branch").json()["spec"]["holderIdentity"] == "second"


def test_a_lease_is_not_replaced_without_its_version(api: httpx.Client, namespace: str) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = {"metadata": {"name": "branch"}, "spec": {"holderIdentity": "first", "leaseDurationSeconds": 60}}
    api.post(leases, json=lease)

    refused = api.put(f"{leases}/branch", json=lease)

    assert refused.status_code == 422
    assert refused.json()["details"]["causes"][0]["field"] == "metadata.resourceVersion"


def test_a_lease_that_is_gone_comes_back_unless_the_uid_says_which_one_is_meant(
    api: httpx.Client, namespace: str
) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = {"metadata": {"name": "branch"}, "spec": {"holderIdentity": "first", "leaseDurationSeconds": 60}}
    held = api.post(leases, json=lease).json()
    api.delete(f"{leases}/branch")

    refused = api.put(f"{leases}/branch", json=held)
    del held["metadata"]["uid"]
    made = api.put(f"{leases}/branch", json=held)

    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")
    assert "Precondition failed: UID in precondition: " in refused.json()["message"]
    assert made.status_code == 201
