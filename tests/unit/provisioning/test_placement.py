from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.placement import Placement, tolerations, with_placement

TAINT = {"key": "environment", "operator": "Equal", "value": "dev", "effect": "NoSchedule"}
DEV = Placement(node_selector={"pool": "dev"}, tolerations=(TAINT,))
PATHS = [
    ("Pod", ["spec"]),
    ("Deployment", ["spec", "template", "spec"]),
    ("StatefulSet", ["spec", "template", "spec"]),
    ("DaemonSet", ["spec", "template", "spec"]),
    ("Job", ["spec", "template", "spec"]),
    ("CronJob", ["spec", "jobTemplate", "spec", "template", "spec"]),
    ("ScaledJob", ["spec", "jobTargetRef", "template", "spec"]),
]

Object = dict[str, Any]


def wrapped(kind: str, path: list[str], **pod: Any) -> Object:
    fields: Object = {"containers": [{"name": "web", "image": "web"}], **pod}
    for name in reversed(path):
        fields = {name: fields, "kept": True}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}, **fields}


def pod(**fields: Any) -> Object:
    (found,) = with_placement([wrapped("Pod", ["spec"], **fields)], DEV)
    return dict(found["spec"])


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_every_pod_template_is_placed_and_nothing_else_changed(kind: str, path: list[str]) -> None:
    given_ = wrapped(kind, path, serviceAccountName="web")
    before = deepcopy(given_)
    assert with_placement([given_], DEV) == (
        wrapped(kind, path, serviceAccountName="web", nodeSelector={"pool": "dev"}, tolerations=[TAINT]),
    )
    assert given_ == before


@pytest.mark.parametrize(
    "other",
    [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"spec": "x"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": []}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}},
    ],
)
def test_what_makes_no_pods_stays_as_it_is(other: Object) -> None:
    assert with_placement([other], DEV) == (other,)


def test_our_node_selector_wins_and_the_overlays_other_labels_stay() -> None:
    found = pod(nodeSelector={"pool": "production", "disk": "ssd"})
    assert found["nodeSelector"] == {"pool": "dev", "disk": "ssd"}


def test_tolerations_are_added_to_the_overlays_own_once() -> None:
    own = {"key": "spot", "operator": "Exists"}
    assert pod(tolerations=[own])["tolerations"] == [own, TAINT]
    assert pod(tolerations=[TAINT, own])["tolerations"] == [TAINT, own]


def test_placing_twice_is_placing_once() -> None:
    once = with_placement([wrapped(kind, path) for kind, path in PATHS], DEV)
    assert with_placement(once, DEV) == once


def test_nothing_configured_changes_nothing() -> None:
    nowhere = Placement(node_selector={}, tolerations=())
    given_ = wrapped("Deployment", ["spec", "template", "spec"], nodeSelector={"a": "b"})
    assert with_placement([given_], nowhere) == (given_,)


@pytest.mark.parametrize("odd", [{"nodeSelector": "dev"}, {"tolerations": {"key": "a"}}])
def test_what_is_no_pod_is_left_for_the_api_server_to_refuse(odd: Object) -> None:
    assert odd.items() <= pod(**odd).items()


def test_tolerations_are_read_as_the_setting_writes_them() -> None:
    assert tolerations("") == ()
    assert tolerations(
        "environment=dev:NoSchedule, kubernetes.azure.com/scalesetpriority:NoExecute,a=:NoSchedule"
    ) == (
        {"key": "environment", "operator": "Equal", "value": "dev", "effect": "NoSchedule"},
        {"key": "kubernetes.azure.com/scalesetpriority", "operator": "Exists", "effect": "NoExecute"},
        {"key": "a", "operator": "Equal", "value": "", "effect": "NoSchedule"},
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "dev",
        "dev=1",
        "=dev:NoSchedule",
        "a=b:noschedule",
        "a=b:",
        "a=b=c:NoSchedule",
        "a b:NoExecute",
        "-a:NoExecute",
    ],
)
def test_a_toleration_that_is_none_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected key=value:effect or key:effect") as refused:
        tolerations(f"good:NoSchedule,{wrong}")
    assert repr(wrong) in str(refused.value)


@given(st.text(max_size=20))
def test_whatever_is_set_is_read_or_refused(text: str) -> None:
    try:
        found = tolerations(text)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert len(found) == len([part for part in text.split(",") if part.strip()])
