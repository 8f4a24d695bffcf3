"""Metadata alone: who asks for no more is told no more, and a media type that does not fit is refused.

https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
"""

from typing import Any

import httpx
import pytest

from adapters.kubernetes.client import METADATA

JSON = "application/json"
LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
OLDER = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1"
UNKNOWN = "application/json;as=Summary;g=meta.k8s.io;v=v1"
LATER = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v2"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def secrets(api: httpx.Client, namespace: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    secret = {"metadata": {"name": "login", "annotations": {"a": "b"}}, "stringData": {"password": "x"}}
    api.post(path, json=secret).raise_for_status()
    return path


def accept(media_type: str, **headers: str) -> dict[str, str]:
    return {"Accept": media_type, **headers}


def refused(answer: httpx.Response) -> str:
    status = answer.json()
    assert (answer.status_code, status["kind"], status["reason"]) == (406, "Status", "NotAcceptable")
    return str(status["message"])


@pytest.mark.parametrize(("media_type", "version"), [(METADATA, "v1"), (OLDER, "v1beta1")])
def test_an_object_is_answered_with_its_metadata(
    api: httpx.Client, secrets: str, media_type: str, version: str
) -> None:
    whole = api.get(f"{secrets}/login").json()

    answer = api.get(f"{secrets}/login", headers=accept(media_type)).json()

    assert answer == {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": whole["metadata"],
    }


def test_a_list_is_answered_with_the_metadata_of_each(api: httpx.Client, secrets: str) -> None:
    api.post(secrets, json={"metadata": {"name": "other"}, "stringData": {"a": "b"}})
    whole = {each["metadata"]["name"]: each for each in api.get(secrets).json()["items"]}

    page = api.get(secrets, params={"limit": 1}, headers=accept(LIST)).json()
    rest = api.get(secrets, params={"continue": page["metadata"]["continue"]}, headers=accept(LIST)).json()

    items: list[dict[str, Any]] = [*page["items"], *rest["items"]]
    assert {page["kind"], rest["kind"]} == {"PartialObjectMetadataList"}
    assert {page["apiVersion"], rest["apiVersion"]} == {"meta.k8s.io/v1"}
    assert items == [
        {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": whole[name]["metadata"],
        }
        for name in ("login", "other")
    ]


@pytest.mark.parametrize("dry_run", ["", "All"])
def test_a_patch_is_answered_with_metadata_too(api: httpx.Client, secrets: str, dry_run: str) -> None:
    whole = api.get(f"{secrets}/login").json()

    query = {"dryRun": dry_run} if dry_run else {}
    answer = api.patch(f"{secrets}/login", params=query, headers=accept(METADATA, **MERGE), json={})

    assert answer.json()["kind"] == "PartialObjectMetadata"
    assert answer.json()["metadata"] == whole["metadata"]
    assert api.get(f"{secrets}/login").json() == whole


def test_an_error_is_told_as_ever(api: httpx.Client, secrets: str) -> None:
    missing = api.get(f"{secrets}/none", headers=accept(METADATA))

    assert missing.status_code == 404
    assert missing.json() == api.get(f"{secrets}/none").json()


def test_metadata_of_a_list_are_asked_for_in_another_type_than_those_of_an_object(
    api: httpx.Client, secrets: str
) -> None:
    of_list = api.get(secrets, headers=accept(METADATA))
    of_object = api.get(f"{secrets}/login", headers=accept(LIST))

    assert refused(of_list).startswith(
        "you requested PartialObjectMetadata, but the requested object is a list"
    )
    assert refused(of_object).startswith(
        "you requested PartialObjectMetadataList, but the requested object is not a list"
    )


@pytest.mark.parametrize("unknown", [UNKNOWN, LATER])
def test_a_form_that_the_server_does_not_know_is_refused_and_never_answered_with_the_whole_object(
    api: httpx.Client, secrets: str, unknown: str
) -> None:
    message = refused(api.get(f"{secrets}/login", headers=accept(unknown)))

    assert message.startswith("only the following media types are accepted: application/json")


def test_the_first_type_that_the_server_knows_is_answered_with(api: httpx.Client, secrets: str) -> None:
    path = f"{secrets}/login"
    kinds = {
        f"{UNKNOWN},{JSON}": "Secret",
        f"{JSON},{METADATA}": "Secret",
        f"{METADATA},{JSON}": "PartialObjectMetadata",
        f"{JSON};q=0.5,{METADATA};q=0.9": "PartialObjectMetadata",
        "*/*": "Secret",
    }

    found = {each: api.get(path, headers=accept(each)).json()["kind"] for each in kinds}

    assert found == kinds


def test_what_is_no_media_type_of_the_server_is_not_acceptable(api: httpx.Client, secrets: str) -> None:
    assert refused(api.get(f"{secrets}/login", headers=accept("text/plain"))).startswith(
        "406: Not Acceptable"
    )
