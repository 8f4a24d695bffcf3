"""Relabelling: what Prometheus takes, and what leaves a target where it is."""

from typing import Any

import pytest

from coppice.manifests.fields import Malformed
from provisioning.admission.relabelling import rules


def rule(field: str = "relabel_configs", /, **given: Any) -> dict[str, Any]:
    return dict(rules({field: [given]}, field, "feature-login")[0])


def refused(field: str = "relabel_configs", /, **given: Any) -> str:
    with pytest.raises(Malformed) as found:
        rule(field, **given)
    return str(found.value)


def test_the_usual_rules_pass() -> None:
    keep: dict[str, Any] = {
        "action": "keep",
        "source_labels": ["__meta_kubernetes_pod_label_app"],
        "regex": "web|nats",
    }
    assert rule(**keep) == keep
    replace: dict[str, Any] = {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"}
    assert rule(**replace) == {"action": "replace", **replace}
    renamed: dict[str, Any] = {
        "source_labels": ["__name__"],
        "regex": "(.*)_old",
        "replacement": "$1",
        "target_label": "__name__",
    }
    assert rule("metric_relabel_configs", **renamed)["target_label"] == "__name__"
    path: dict[str, Any] = {"source_labels": ["a"], "target_label": "__metrics_path__", "separator": "/"}
    assert rule(**path)["separator"] == "/"
    shard: dict[str, Any] = {
        "action": "hashmod",
        "source_labels": ["a"],
        "modulus": 4,
        "target_label": "__tmp_shard",
    }
    assert rule(**shard) == shard


@pytest.mark.parametrize(("given", "read"), [(True, "true"), (8080, "8080"), ("x", "x")])
def test_a_pattern_that_yaml_took_for_something_else_is_text(given: object, read: str) -> None:
    assert rule(action="keep", source_labels=["a"], regex=given)["regex"] == read


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"action": "keepequal", "source_labels": ["a"], "target_label": "b"}, "is not let through"),
        ({"action": "KEEP"}, "is not let through"),
        ({"x": 1}, "'x', which is not let through"),
        ({"action": "replace"}, "needs a target_label"),
        ({"target_label": "a-b"}, "must be a label's name"),
        ({"target_label": "${env:X}"}, "has a `$`"),
        ({"target_label": "a", "separator": "$HOME"}, "has a `$`"),
        ({"target_label": "a", "replacement": 8080}, "must be a string"),
        ({"target_label": "a", "replacement": "a\nb"}, "printable"),
        ({"target_label": "a", "source_labels": ["a-b"]}, "must be a label's name"),
        ({"target_label": "a", "source_labels": "a"}, "must be a list"),
        ({"action": "keep", "regex": "(?=x)"}, "not every reader"),
        ({"action": "keep", "regex": "a\nb"}, "printable"),
        ({"action": "keep", "regex": 1.5}, "must be a string"),
        ({"action": "hashmod", "target_label": "a"}, "whole number above 0"),
        ({"action": "hashmod", "target_label": "a", "modulus": 0}, "whole number above 0"),
        ({"action": "hashmod", "modulus": 2}, "needs a target_label"),
        ({"action": "labeldrop", "regex": "a", "source_labels": ["a"]}, "a regex and nothing else"),
        ({"action": "labeldrop"}, "a regex and nothing else"),
    ],
)
def test_what_prometheus_or_the_collector_would_choke_on_is_refused(
    given: dict[str, Any], reason: str
) -> None:
    assert reason in refused(**given)


@pytest.mark.parametrize(
    "name",
    ["__param_target", "__scrape_interval__", "__meta_kubernetes_pod_ip", "__name__", "__", "__address"],
)
def test_labels_that_decide_what_is_scraped_are_not_a_branchs_to_set(name: str) -> None:
    assert "not a branch's to set" in refused(source_labels=["a"], target_label=name)


def test_samples_know_no_address() -> None:
    assert "not a branch's to set" in refused("metric_relabel_configs", target_label="__address__")
    assert "labelmap takes" in refused("metric_relabel_configs", action="labelmap", regex="(.+)")


def test_labels_are_mapped_from_kubernetes_own_only() -> None:
    usual: dict[str, Any] = {"action": "labelmap", "regex": "__meta_kubernetes_pod_label_(.+)"}
    assert rule(**usual) == usual
    # An annotation `a--address--b` would become the label `__address__`.
    assert "labelmap takes" in refused(action="labelmap", regex="__meta_kubernetes_pod_annotation_a(.+)b")
    assert "labelmap takes" in refused(**usual, replacement="__address__")


@pytest.mark.parametrize("group", ["$1:$2", "$$1:$$2", "${1}:${2}"])
@pytest.mark.parametrize("regex", [r"([^:]+)(?::\d+)?;(\d+)", "(.+);(.+)", r"(.+?)(?::\d+)?;(\d+)"])
def test_the_port_may_come_from_an_annotation_and_the_host_may_not(regex: str, group: str) -> None:
    made = rule(
        source_labels=["__address__", "__meta_kubernetes_pod_annotation_prometheus_io_port"],
        regex=regex,
        replacement=group,
        target_label="__address__",
    )
    assert made["regex"] == r"([^:;]+)(?::\d+)?;(\d+)"
    assert made["replacement"] == group


def test_a_port_may_be_given_outright() -> None:
    for source in ("__address__", "__meta_kubernetes_pod_ip"):
        made = rule(source_labels=[source], replacement="${1}:9102", target_label="__address__")
        assert made["regex"] == r"([^:;]+)(?::\d+)?"


@pytest.mark.parametrize(
    "given",
    [
        {"replacement": "169.254.169.254"},
        {"source_labels": ["__meta_kubernetes_pod_annotation_x"]},
        {"source_labels": ["__meta_kubernetes_pod_annotation_x"], "replacement": "$1:80"},
        {"source_labels": ["__address__", "__meta_kubernetes_pod_annotation_x"], "replacement": "$2:$1"},
        {"source_labels": ["__address__", "x"], "replacement": "$1:$2", "regex": "(.+);(.+)"},
        {
            "source_labels": ["__address__", "__meta_kubernetes_x"],
            "replacement": "$1:$2",
            "regex": ".(.+);(.+)",
        },
        {"source_labels": ["__address__"], "replacement": "evil.example:80"},
        {"source_labels": ["__address__"], "replacement": "$1:80", "regex": "x(.*)"},
        {"source_labels": ["__address__"], "replacement": "$1:80", "separator": "@"},
        {"source_labels": ["__address__"], "replacement": "$1.evil.example:80"},
        {"source_labels": []},
    ],
)
def test_an_address_cannot_be_made_another(given: dict[str, Any]) -> None:
    assert "another port and nothing else" in refused(target_label="__address__", **given)


def test_a_scheme_is_http_or_https_whatever_an_annotation_says() -> None:
    source: dict[str, Any] = {
        "source_labels": ["__meta_kubernetes_pod_annotation_x"],
        "target_label": "__scheme__",
    }
    assert rule(**source)["regex"] == "(https?)"
    assert rule(**source, regex="(http|https)", replacement="$1")["regex"] == "(https?)"
    assert rule(target_label="__scheme__", replacement="https")["regex"] == "(.*)"
    assert "http or https" in refused(**source, regex="(.*)x")
    assert "http or https" in refused(**source, replacement="http://elsewhere/?")
