"""A monitor's metrics say the namespace that they come from, whatever else the monitor says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.own_metrics import with_namespace_label
from provisioning.renderer import Desired
from tests.support.builders import sight
from tests.support.manifests import deployment
from tests.support.program import Program

EXAMPLES = Path(__file__).parents[3] / "examples" / "todo-app" / "manifests" / "base" / "monitoring"
LAST = {"action": "replace", "targetLabel": "namespace", "replacement": "feature-x"}
GROUPS = ["azmonitoring.coreos.com/v1", "monitoring.coreos.com/v1"]


def monitor(
    kind: str, field: str, *endpoints: dict[str, Any], api_version: str = GROUPS[0]
) -> dict[str, Any]:
    spec = {"selector": {}, field: list(endpoints)}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize("api_version", GROUPS)
@pytest.mark.parametrize(
    ("kind", "field"), [("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")]
)
def test_the_last_word_on_the_namespace_is_ours(kind: str, field: str, api_version: str) -> None:
    rule = {"sourceLabels": ["__meta_kubernetes_pod_label_app"], "targetLabel": "namespace"}
    samples = {"action": "labeldrop", "regex": "namespace"}
    given = monitor(
        kind,
        field,
        {"port": "web", "relabelings": [rule], "metricRelabelings": [samples]},
        {"port": "other", "relabelings": None},
        api_version=api_version,
    )

    (made,) = with_namespace_label([given], "feature-x")

    first, second = made["spec"][field]
    assert first["relabelings"] == [rule, LAST]
    assert first["metricRelabelings"] == [samples, LAST]
    assert second == {
        "port": "other",
        "relabelings": [LAST],
        "metricRelabelings": [LAST],
        "followRedirects": False,
    }
    assert given["spec"][field][0]["relabelings"] == [rule]


def test_what_is_no_monitor_stays_as_it_is() -> None:
    others = (deployment(), monitor("PodMonitor", "podMetricsEndpoints", {}, api_version="example.com/v1"))
    assert with_namespace_label(others, "feature-x") == others
    assert (
        with_namespace_label([monitor("PodMonitor", "podMetricsEndpoints")], "x")[0]["spec"][
            "podMetricsEndpoints"
        ]
        == []
    )


def test_the_monitors_that_are_applied_are_these() -> None:
    program = Program()
    examples = [
        yaml.safe_load((EXAMPLES / f"{each}.yaml").read_text()) for each in ("podmonitor", "servicemonitor")
    ]
    found = program.reconciler.desired(program.push("x", (deployment(), *examples)), sight("x"))

    assert isinstance(found, Desired), found
    pods, services = (each["spec"] for each in found.manifests[1:])
    assert pods["podMetricsEndpoints"][0]["metricRelabelings"] == [LAST]
    assert services["endpoints"][0]["followRedirects"] is False
