"""Scrape jobs: what looks at its own namespace passes, and what an attacker would write does not."""

from typing import Any

import pytest
import yaml

from provisioning.admission.scrape_jobs import read_jobs

PODS = [{"role": "pod", "namespaces": {"names": ["feature-login"]}}]
ENFORCED = {"action": "replace", "target_label": "namespace", "replacement": "feature-login"}


def read(text: str) -> tuple[tuple[Any, ...], str]:
    found, why = read_jobs(text, slug="login", namespace="feature-login")
    return found, "; ".join(why)


def job(**fields: Any) -> dict[str, Any]:
    """The one job that is made of these fields."""
    given = {"job_name": "web", "kubernetes_sd_configs": PODS, **fields}
    found, why = read(yaml.safe_dump({"scrape_configs": [given]}))
    assert why == ""
    made: dict[str, Any] = found[0]
    return made


def refused(**fields: Any) -> str:
    given = {"job_name": "web", "kubernetes_sd_configs": PODS, **fields}
    why = read(yaml.safe_dump({"scrape_configs": [given]}))[1]
    assert why
    return why


def test_a_job_is_named_after_its_branch_and_says_its_namespace_last() -> None:
    assert job() == {
        "job_name": "login-web",
        "kubernetes_sd_configs": PODS,
        "relabel_configs": [ENFORCED],
        "metric_relabel_configs": [ENFORCED],
        "follow_redirects": False,
    }
    rule = {"source_labels": ["__meta_kubernetes_pod_label_app"], "target_label": "namespace"}
    made = job(relabel_configs=[rule], metric_relabel_configs=[{"action": "labeldrop", "regex": "namespace"}])
    assert made["relabel_configs"] == [{"action": "replace", **rule}, ENFORCED]
    assert made["metric_relabel_configs"][-1] == ENFORCED


def test_the_usual_fields_pass() -> None:
    fields: dict[str, Any] = {
        "scrape_interval": "1m30s",
        "scrape_timeout": "10s",
        "metrics_path": "/metrics/extra",
        "scheme": "https",
        "tls_config": {"insecure_skip_verify": True},
        "honor_labels": False,
        "honor_timestamps": True,
        "sample_limit": 5000,
    }
    assert fields.items() <= job(**fields).items()


@pytest.mark.parametrize(
    "field",
    [
        "authorization",
        "azure_sd_configs",
        "basic_auth",
        "bearer_token",
        "bearer_token_file",
        "dns_sd_configs",
        "ec2_sd_configs",
        "file_sd_configs",
        "http_sd_configs",
        "oauth2",
        "params",
        "proxy_from_environment",
        "proxy_url",
        "remote_write",
        "scrape_protocols",
        "x\ny",
    ],
)
def test_fields_that_are_not_known_to_be_harmless_are_refused(field: str) -> None:
    assert "is not let through" in refused(**{field: {}})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("job_name", "", "needs a job_name"),
        ("job_name", None, "needs a job_name"),
        ("job_name", 'a"b', "needs a job_name"),
        ("job_name", "a\n# coppice: end {}", "needs a job_name"),
        ("job_name", "${env:TOKEN}", "needs a job_name"),
        ("job_name", "x" * 101, "needs a job_name"),
        ("honor_labels", True, "name other namespaces"),
        ("follow_redirects", True, "send the collector elsewhere"),
        ("tls_config", {"ca_file": "/var/run/secrets/ca"}, "the collector's own"),
        ("metrics_path", "metrics", "must begin with `/`"),
        ("metrics_path", "/${env:TOKEN}", "has a `$`"),
        ("metrics_path", "/a\nb", "printable"),
        ("scheme", "file", "http or https"),
        ("scrape_interval", "1s", "from 5s to 24h"),
        ("scrape_interval", "2d", "a duration"),
        ("scrape_interval", "", "a duration"),
        ("scrape_interval", 30, "must be a string"),
        ("scrape_timeout", "10s", "needs scrape_interval beside it"),
        ("sample_limit", -1, "a whole number"),
        ("sample_limit", True, "a whole number"),
        ("honor_timestamps", "yes", "true or false"),
        ("kubernetes_sd_configs", [], "is empty"),
        ("kubernetes_sd_configs", {}, "must be a list"),
        ("kubernetes_sd_configs", [{"role": "pod"}], "must look at this namespace alone"),
        ("relabel_configs", [{}] * 51, "at most 50"),
    ],
)
def test_values_that_do_harm_or_that_prometheus_does_not_take_are_refused(
    field: str, value: object, reason: str
) -> None:
    assert reason in refused(**{field: value})


def test_a_timeout_is_no_longer_than_its_interval() -> None:
    assert "may not be longer" in refused(scrape_interval="30s", scrape_timeout="31s")
    assert job(scrape_interval="30s", scrape_timeout="30s")["scrape_timeout"] == "30s"


@pytest.mark.parametrize(
    "discovery",
    [
        {"role": "node", "namespaces": {"names": ["feature-login"]}},
        {"role": "ingress", "namespaces": {"names": ["feature-login"]}},
        {"namespaces": {"names": ["feature-login"]}},
        {"role": "pod", "namespaces": {"names": ["feature-login", "project"]}},
        {"role": "pod", "namespaces": {"names": ["project"]}},
        {"role": "pod", "namespaces": {"names": []}},
        {"role": "pod", "namespaces": {"own_namespace": True}},
        {"role": "pod", "namespaces": {"names": ["feature-login"], "own_namespace": True}},
        {"role": "pod", "namespaces": {"names": ["feature-login"]}, "api_server": "https://elsewhere"},
        {"role": "pod", "namespaces": {"names": ["feature-login"]}, "kubeconfig_file": "/etc/kubeconfig"},
        {"role": "pod", "namespaces": {"names": ["feature-login"]}, "attach_metadata": {"node": True}},
        {"role": "pod", "namespaces": {"names": ["feature-login"]}, "bearer_token_file": "/token"},
    ],
)
def test_discovery_looks_at_the_own_namespace_and_nowhere_else(discovery: dict[str, Any]) -> None:
    assert "kubernetes_sd_configs m" in refused(kubernetes_sd_configs=[discovery])


def test_static_targets_are_services_of_the_own_namespace() -> None:
    targets = ["web.feature-login.svc:8080", "nats-0.nats.feature-login.svc.cluster.local"]
    static = [{"targets": targets, "labels": {"tier": "front"}}]
    assert job(static_configs=static)["static_configs"] == static


@pytest.mark.parametrize(
    "target",
    [
        "web.project.svc:8080",
        "web.feature-login.svc.evil.example:80",
        "web.feature-login.svc@evil.example",
        "web",
        "10.0.0.1:80",
        "169.254.169.254",
        "localhost:9090",
        "feature-login.svc",
        "web.feature-login2.svc",
        "web.xfeature-login.svc:80/path",
        "$NODE_IP.feature-login.svc",
    ],
)
def test_other_static_targets_are_refused(target: str) -> None:
    assert "is no service of this namespace" in refused(static_configs=[{"targets": [target]}])


def test_static_labels_cannot_point_elsewhere() -> None:
    static = {"targets": ["web.feature-login.svc:80"]}
    assert "not a branch's to set" in refused(static_configs=[{**static, "labels": {"__address__": "x"}}])
    assert "has a `$`" in refused(static_configs=[{**static, "labels": {"a": "${env:TOKEN}"}}])
    assert "must be a label's name" in refused(static_configs=[{**static, "labels": {"a-b": "x"}}])
    assert "and nothing else" in refused(static_configs=[{**static, "files": ["/x"]}])


def test_a_job_without_targets_is_refused() -> None:
    assert "has no targets" in read("scrape_configs: [{job_name: web}]")[1]


@pytest.mark.parametrize("name", ["global", "rule_files", "remote_write", "alerting", "scrape_config_files"])
def test_what_would_hold_for_the_whole_cluster_is_refused(name: str) -> None:
    assert f"its '{name}' would hold for the whole cluster" in read(f"{name}: []\nscrape_configs: []")[1]


@pytest.mark.parametrize(
    "text",
    [
        "scrape_configs: [",
        "scrape_configs: text",
        "scrape_configs: [text]",
        "- a\n- b\n",
        "text",
        "a: 1\n---\nb: 2\n",
        "scrape_configs: !!python/object:os.system []",
        "scrape_configs:\n- &a {job_name: a}\n- {<<: *a}\n",
        "scrape_configs: []\nscrape_configs: []\n",
        "a: &a [x]\nb: &b [" + "*a," * 99 + "]\nc: &c [" + "*b," * 99 + "]\nd: [" + "*c," * 99 + "]",
    ],
)
def test_what_does_not_parse_is_refused(text: str) -> None:
    assert "it is no Prometheus configuration" in read(text)[1]


def test_every_reason_is_given_at_once() -> None:
    why = refused(proxy_url="http://x", honor_labels=True)
    assert "proxy_url" in why
    assert "honor_labels" in why


def test_jobs_are_few_small_and_named_apart() -> None:
    each = {"job_name": "a", "kubernetes_sd_configs": PODS}
    assert "the job 'a' more than once" in read(yaml.safe_dump({"scrape_configs": [each, each]}))[1]
    many = [{**each, "job_name": f"j{number}"} for number in range(21)]
    assert "at most 20" in read(yaml.safe_dump({"scrape_configs": many}))[1]
    rules = [{"source_labels": ["a"], "regex": "x" * 900, "action": "keep"}] * 20
    assert "more than 16384 bytes" in refused(relabel_configs=rules)
