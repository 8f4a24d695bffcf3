"""All monitors of an environment together have no more endpoints and bytes than a branch's scrape jobs."""

from typing import Any

from provisioning.admission import check_objects
from tests.unit.provisioning.admission.conftest import POLICY
from tests.unit.provisioning.admission.test_monitors import KINDS


def monitors(*endpoints: int, **fields: Any) -> list[dict[str, Any]]:
    """Monitors with so many endpoints each, of either kind."""
    return [
        {
            "apiVersion": "azmonitoring.coreos.com/v1",
            "kind": kind,
            "metadata": {"name": f"web-{number}"},
            "spec": {"selector": {}, field: [{"port": "web", **fields} for _ in range(many)]},
        }
        for number, (many, (kind, field)) in enumerate(zip(endpoints, KINDS * 9, strict=False))
    ]


def refused(objects: list[dict[str, Any]]) -> str:
    return "; ".join(map(str, check_objects(objects, POLICY)))


def test_an_environment_has_as_many_endpoints_as_a_branch_has_jobs() -> None:
    """Each becomes a scrape job of the collector that all share."""
    assert refused(monitors(10, 10)) == ""
    assert refused(monitors(10, 11)) == "overlay: its monitors have 21 endpoints; at most 20 are let through"
    empty = [{**each, "spec": {"selector": {}, "endpoints": None}} for each in monitors(1, 1)]
    assert refused(empty) == ""


def test_its_monitors_take_no_more_room_than_a_branchs_jobs() -> None:
    rules = [{"sourceLabels": ["a"], "regex": "x" * 900, "action": "keep"}] * 4
    assert refused(monitors(2, 2, relabelings=rules)) == ""
    reason = refused(monitors(2, 2, 1, relabelings=rules))
    assert reason == "overlay: its monitors take more than 16384 bytes of JSON"


def test_a_monitor_that_cannot_be_read_is_named_and_not_counted() -> None:
    odd = [{**monitors(1)[0], "spec": {"podMetricsEndpoints": 7}}, *monitors(1, 1)[1:]]
    assert refused(odd) == "azmonitoring.coreos.com/PodMonitor web-0: podMetricsEndpoints must be a list"
