"""What an overlay of the older kind may bring for the whole cluster's monitoring, and what not."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coppice.components.monitoring.merge import with_part
from coppice.components.monitoring.shared import Part, Shared, SharedConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.references import SharedName
from provisioning.admission import AdmissionPolicy, check_objects
from provisioning.admission.shared import part_of, remarks, split_shared

OVERLAY = Path(__file__).parent / "older_monitoring"
BRANCH = Key(repository="acme/todo-app", branch="feature/login")
NAME = Name(branch="feature/login", slug="login", namespace="feature-login", database="d", hosts=("a", "b"))


def config_map(name: str, namespace: str = "kube-system", **content: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        **content,
    }


def jobs(text: str) -> dict[str, Any]:
    return config_map("ama-metrics-prometheus-config", data={"prometheus-config": text})


def settings(**data: str) -> dict[str, Any]:
    named = {field.replace("_", "-"): text for field, text in data.items()}
    return config_map("ama-metrics-settings-configmap", data=named)


def pattern(value: str) -> dict[str, Any]:
    return settings(pod_annotation_based_scraping=f"podannotationnamespaceregex = {value}")


def overlay() -> list[dict[str, Any]]:
    files = sorted(OVERLAY.glob("ama-*.yaml"))
    return [yaml.safe_load(file.read_text().replace("BRANCH_NAME", "login")) for file in files]


def part(*shared: Mapping[str, Any]) -> Part:
    found, refusals = part_of(shared, key=BRANCH, name=NAME)
    assert refusals == ()
    assert found is not None
    return found


def refused(*shared: dict[str, Any]) -> str:
    found, refusals = part_of(shared, key=BRANCH, name=NAME)
    assert found is None
    return "; ".join(map(str, refusals))


def test_the_older_overlay_becomes_a_part_that_can_be_merged(policy: AdmissionPolicy) -> None:
    own, shared = split_shared(overlay())
    assert check_objects(own, policy) == ()
    found = part(*shared)
    assert (found.owner.key, found.owner.namespace, found.slug) == (BRANCH, "feature-login", "login")
    assert [job["job_name"] for job in found.jobs] == ["login-kubernetes-pods", "login-nats"]
    assert found.annotated
    there = Shared(
        jobs=SharedConfig(name=SharedName.JOBS, version="1", data={"prometheus-config": ""}),
        settings=SharedConfig(name=SharedName.SETTINGS, version="1", data=overlay()[1]["data"]),
    )
    changes = with_part(there, found)
    assert isinstance(changes, tuple)
    merged = yaml.safe_load(changes[0].config.data["prometheus-config"])
    assert merged["scrape_configs"] == list(found.jobs)


def test_only_the_two_config_maps_are_set_apart() -> None:
    others = [
        config_map("ama-metrics-prometheus-config", namespace="feature-login"),
        config_map("coredns"),
        {**config_map("ama-metrics-prometheus-config"), "kind": "Secret"},
        {**config_map("ama-metrics-prometheus-config"), "apiVersion": "v2"},
        {"metadata": None},
        {},
    ]
    own, shared = split_shared([*others, *overlay()])
    assert own == tuple(others)
    assert shared == tuple(overlay())


def test_everything_else_that_names_kube_system_is_refused_as_ever(policy: AdmissionPolicy) -> None:
    own, _ = split_shared([config_map("coredns")])
    assert "its namespace is 'kube-system'" in "; ".join(map(str, check_objects(own, policy)))


@given(st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata"]), st.none() | st.lists(st.none())))
def test_odd_objects_are_left_to_the_usual_rules(odd: dict[str, Any]) -> None:
    assert split_shared([odd]) == ((odd,), ())


def test_an_overlay_that_brings_nothing_has_no_part() -> None:
    assert part_of((), key=BRANCH, name=NAME) == (None, ())
    assert part_of((jobs(""), pattern('""')), key=BRANCH, name=NAME) == (None, ())
    assert part_of((config_map("ama-metrics-prometheus-config"),), key=BRANCH, name=NAME) == (None, ())


def test_config_maps_of_an_odd_shape_are_refused() -> None:
    assert "is there more than once" in refused(pattern('""'), pattern('""'))
    assert "binaryData" in refused({**jobs(""), "binaryData": {"prometheus-config": "AA=="}})
    assert "must be a string" in refused(config_map("ama-metrics-prometheus-config", data={"a": 1}))
    assert "must be a map" in refused(config_map("ama-metrics-settings-configmap", data=[1]))
    assert "'global' is nothing that Azure reads" in refused(
        config_map("ama-metrics-prometheus-config", data={"global": ""})
    )


@pytest.mark.parametrize(
    "value", ['"feature-login"', "'feature-login'", '  "feature-login"  ', '"feature-login"\r\n']
)
def test_a_pattern_of_the_own_namespace_asks_for_its_annotated_pods(value: str) -> None:
    assert part(pattern(value)).annotated
    second = f"pod-annotation-based-scraping: |-\n  podannotationnamespaceregex = {value}\n"
    assert part(settings(schema_version="v2", cluster_metrics=second)).annotated


@pytest.mark.parametrize(
    "value", ['".*"', '"feature-.*"', '"feature-login|project"', '"feature-logi."', '"project"']
)
def test_a_pattern_that_takes_in_more_is_refused(value: str) -> None:
    reason = refused(pattern(value))
    assert "is not this namespace's name" in reason
    assert 'write `podannotationnamespaceregex = "feature-login"`' in reason


def test_settings_of_the_whole_cluster_are_not_taken_and_that_is_said() -> None:
    found = part(*split_shared(overlay())[1])
    assert found.ignored == ("default-scrape-settings-enabled", "prometheus-collector-settings")
    (reason,) = remarks([], found)
    assert (
        "'default-scrape-settings-enabled', 'prometheus-collector-settings' would hold for the whole"
        in reason
    )
    assert remarks([], part(pattern('"feature-login"'))) == ()


def test_config_maps_in_the_own_namespace_are_let_through_with_a_remark(policy: AdmissionPolicy) -> None:
    own = [config_map("ama-metrics-settings", "feature-login"), config_map("settings", "feature-login")]
    assert split_shared(own) == (tuple(own), ())
    assert check_objects(own, policy) == ()
    (reason,) = remarks(own)
    assert "ConfigMap ama-metrics-settings is applied as it is, and nothing reads it" in reason
    assert "PodMonitor or ServiceMonitor (azmonitoring.coreos.com/v1)" in reason


@pytest.mark.parametrize("line", ["x" + " " * 500_000 + "y", " " * 500_000, "\t " * 250_000 + "="])
def test_a_pattern_of_blanks_is_read_in_no_time(line: str) -> None:
    settings = {"pod-annotation-based-scraping": f"podannotationnamespaceregex = {line}"}
    config = config_map("ama-metrics-settings-configmap", data=settings)
    started = time.monotonic()
    part_of([config], key=BRANCH, name=NAME)
    assert time.monotonic() - started < 2
