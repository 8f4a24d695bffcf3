"""Monitors: what looks at its own namespace passes, and what an attacker would write does not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.provisioning.admission.conftest import Check

KINDS = [("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")]


@pytest.fixture(params=KINDS, ids=[kind for kind, _ in KINDS])
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
def monitor(kind: tuple[str, str], check: Check) -> Callable[..., str]:
    return lambda **spec: check("azmonitoring.coreos.com/v1", kind[0], spec=spec)


@pytest.fixture
def endpoint(kind: tuple[str, str], monitor: Callable[..., str]) -> Callable[..., str]:
    return lambda **fields: monitor(**{kind[1]: [{"port": "web"}, fields]})


@pytest.fixture
def relabelling(endpoint: Callable[..., str]) -> Callable[..., str]:
    return lambda **rule: endpoint(relabelings=[rule])


def test_a_monitor_of_the_own_namespace_passes(monitor: Callable[..., str]) -> None:
    assert monitor(selector={}, podMetricsEndpoints=[{"port": "metrics"}]) == ""
    assert monitor(namespaceSelector={"matchNames": ["feature-login"], "any": False}) == ""
    assert monitor(namespaceSelector=None, endpoints=None, selector={"matchLabels": {"a": ""}}) == ""


def test_the_usual_fields_pass(monitor: Callable[..., str], endpoint: Callable[..., str]) -> None:
    expression = {"key": "app.kubernetes.io/name", "operator": "In", "values": ["web", "api_v1.2"]}
    assert (
        monitor(
            jobLabel="app.kubernetes.io/name",
            podTargetLabels=["app", "team.example.com/name"],
            sampleLimit=5000,
            labelLimit=63,
            selector={"matchLabels": {"app": "web"}, "matchExpressions": [expression]},
        )
        == ""
    )
    used: dict[str, Any] = {
        "targetPort": 8080,
        "path": "/metrics/extra",
        "scheme": "https",
        "interval": "1m30s",
        "scrapeTimeout": "10s",
        "honorLabels": False,
        "honorTimestamps": True,
        "followRedirects": False,
        "filterRunning": True,
        "tlsConfig": {"insecureSkipVerify": True},
    }
    assert endpoint(**used) == ""
    assert endpoint(port=None, relabelings=None, targetPort="web") == ""


def test_the_usual_rules_pass(endpoint: Callable[..., str]) -> None:
    rules: list[dict[str, Any]] = [
        {"sourceLabels": ["__meta_kubernetes_pod_label_app"], "targetLabel": "app"},
        {"action": "Keep", "sourceLabels": ["__meta_kubernetes_pod_phase"], "regex": "Running"},
        {"action": "labelmap", "regex": "__meta_kubernetes_pod_label_(.+)"},
        {"action": "hashmod", "sourceLabels": ["pod"], "modulus": 4, "targetLabel": "__tmp_shard"},
    ]
    samples: list[dict[str, Any]] = [
        {"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*", "separator": ";"},
        {"sourceLabels": ["__name__"], "regex": "old_(.+)", "replacement": "$1", "targetLabel": "__name__"},
        {"action": "labeldrop", "regex": "pod_template_hash"},
    ]
    assert endpoint(relabelings=rules, metricRelabelings=samples) == ""


def test_a_monitor_of_other_namespaces_is_refused(monitor: Callable[..., str]) -> None:
    assert "every namespace" in monitor(namespaceSelector={"any": True})
    assert "the namespace 'production'" in monitor(
        namespaceSelector={"matchNames": ["feature-login", "production"]}
    )
    assert "has 'matchLabels'" in monitor(namespaceSelector={"matchLabels": {"team": "a"}})


@pytest.mark.parametrize("field", ["attachMetadata", "scrapeClass", "scrapeProtocols", "bodySizeLimit", "x"])
def test_a_spec_says_nothing_that_is_not_known_to_be_harmless(
    monitor: Callable[..., str], field: str
) -> None:
    assert f"'{field}' is not let through; what is: endpoints, jobLabel" in monitor(**{field: {}})


@pytest.mark.parametrize(
    "field",
    [
        "authorization",
        "basicAuth",
        "bearerTokenFile",
        "bearerTokenSecret",
        "honor_labels",
        "oauth2",
        "params",
        "proxyConnectHeader",
        "proxyFromEnvironment",
        "proxyUrl",
        "relabel_configs",
    ],
)
def test_an_endpoint_has_no_credentials_no_proxy_and_nothing_unknown(
    endpoint: Callable[..., str], field: str
) -> None:
    assert f"2: '{field}' is not let through; what is: enableHttp2" in endpoint(**{field: {}})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"honorLabels": True}, "honorLabels would let its pods name other namespaces"),
        ({"followRedirects": True}, "followRedirects would let its pods send the collector elsewhere"),
        ({"tlsConfig": {"keyFile": "/key"}}, "tlsConfig has 'keyFile', which is not let through"),
        ({"tlsConfig": {"ca": {"secret": {"name": "a", "key": "b"}}}}, "tlsConfig has 'ca'"),
        ({"interval": "1s"}, "interval must be from 5s to 24h"),
        ({"interval": "often"}, "interval must be a duration"),
        ({"scrapeTimeout": "10s"}, "scrapeTimeout needs interval beside it"),
        ({"interval": "10s", "scrapeTimeout": "20s"}, "may not be longer"),
        ({"path": "metrics"}, "path must begin with `/`"),
        ({"path": "/${env:TOKEN}"}, "path has a `$`"),
        ({"scheme": "file"}, "scheme must be http or https"),
        ({"port": "("}, "port must be a port's name"),
        ({"port": "web.*"}, "port must be a port's name"),
        ({"targetPort": 0}, "targetPort must be a port's name or number"),
        ({"portNumber": "web"}, "portNumber must be a port's name or number"),
        ({"relabelings": {}}, "must be a list"),
        ({"relabelings": [{}] * 51}, "at most 50"),
    ],
)
def test_values_that_do_harm_or_that_prometheus_does_not_take_are_refused(
    endpoint: Callable[..., str], fields: dict[str, Any], reason: str
) -> None:
    assert reason in endpoint(**fields)


@pytest.mark.parametrize(
    "target",
    ["__address__", "__scheme__", "__metrics_path__", "__param_x", "__scrape_interval__", "__meta_x", "__"],
)
@pytest.mark.parametrize("action", ["replace", "Replace", "hashmod"])
def test_labels_that_decide_what_is_scraped_are_not_a_branchs_to_set(
    relabelling: Callable[..., str], action: str, target: str
) -> None:
    rule = {"action": action, "sourceLabels": ["__meta_kubernetes_pod_annotation_x"], "targetLabel": target}
    assert f"the label {target!r} is not a branch's to set" in relabelling(**rule)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"action": "labelmap", "regex": "__meta_kubernetes_pod_annotation_a(.+)b"}, "labelmap takes"),
        ({"action": "labelmap", "regex": "(.+)"}, "labelmap takes"),
        ({"action": "keep", "regex": "(?=x)"}, "not every reader"),
        ({"action": "keep", "regex": "("}, "no regular expression"),
        ({"action": "keepequal", "targetLabel": "a"}, "is not let through"),
        ({"targetLabel": "__address__", "target_label": "ok"}, "has 'target_label', which is not let"),
        ({"targetLabel": "a", "separator": "${env:TOKEN}"}, "separator has a `$`"),
        ({"action": "replace"}, "replace needs a targetLabel"),
        ({"sourceLabels": "a", "targetLabel": "a"}, "sourceLabels must be a list"),
    ],
)
def test_a_rule_is_one_that_prometheus_takes(
    relabelling: Callable[..., str], rule: dict[str, Any], reason: str
) -> None:
    assert reason in relabelling(**rule)


def test_samples_know_no_address(endpoint: Callable[..., str]) -> None:
    assert "not a branch's to set" in endpoint(metricRelabelings=[{"targetLabel": "__address__"}])


@pytest.mark.parametrize(
    "spec",
    [
        {"selector": {"matchLabels": {"app": "("}}},
        {"selector": {"matchLabels": {"app": "web|.*"}}},
        {"selector": {"matchLabels": {"app": "${env:TOKEN}"}}},
        {"selector": {"matchLabels": {"a b": "web"}}},
        {"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["(", "web"]}]}},
        {"selector": {"matchExpressions": [{"key": "(", "operator": "Exists"}]}},
        {"jobLabel": "__address__"},
        {"podTargetLabels": ["__address__"]},
        {"targetLabels": ["app", "("]},
    ],
)
def test_what_becomes_part_of_the_collectors_patterns_is_a_label_of_kubernetes(
    monitor: Callable[..., str], spec: dict[str, Any]
) -> None:
    assert "of no label" in monitor(**spec)


def test_a_selector_is_one_of_kubernetes(monitor: Callable[..., str]) -> None:
    assert "has 'x', which is not let through" in monitor(selector={"x": {}})
    assert "an operator (In," in monitor(selector={"matchExpressions": [{"key": "a", "operator": "Gt"}]})
    assert "must be a string" in monitor(selector={"matchLabels": {"a": 1}})


def test_limits_are_whole_numbers(monitor: Callable[..., str]) -> None:
    assert "sampleLimit must be a whole number" in monitor(sampleLimit="all")
    assert "labelLimit must be a whole number" in monitor(labelLimit=-1)


@pytest.mark.parametrize("field", ["endpoints", "podMetricsEndpoints"])
def test_monitors_of_every_group_are_judged_whichever_of_the_two_fields_they_use(
    kind: tuple[str, str], field: str, check: Check
) -> None:
    for group in ("azmonitoring.coreos.com", "monitoring.coreos.com"):
        reason = check(f"{group}/v1", kind[0], spec={field: [{"proxyUrl": "http://x"}]})
        assert f"its {field} 1: 'proxyUrl' is not let through" in reason


def test_every_reason_is_given_at_once(endpoint: Callable[..., str]) -> None:
    why = endpoint(proxyUrl="http://x", honorLabels=True)
    assert "proxyUrl" in why
    assert "honorLabels" in why
