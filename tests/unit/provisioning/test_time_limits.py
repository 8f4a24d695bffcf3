import pytest

from provisioning.renderer import route_hosts
from provisioning.time_limits import with_time_limits
from tests.support.manifests import config_map, cron_job, job, route
from tests.unit.provisioning.test_renderer import render_overlay, rendered

BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"maxUnavailable": 1, "selector": {}},
}


def test_a_job_that_says_no_end_is_given_one() -> None:
    found = {each["kind"]: each["spec"] for each in rendered(job(), cron_job()).manifests}
    assert found["Job"]["activeDeadlineSeconds"] == 3_600
    assert found["CronJob"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 3_600


def test_a_job_that_says_its_own_end_keeps_it() -> None:
    own = job()
    own["spec"]["activeDeadlineSeconds"] = 60
    (found,) = rendered(own).manifests
    assert found["spec"]["activeDeadlineSeconds"] == 60


def test_an_end_that_was_given_makes_no_other_job_of_it() -> None:
    """A Job whose noted template differs is deleted and created anew."""
    own = job()
    own["spec"]["activeDeadlineSeconds"] = 3_600
    assert rendered(job()).manifests[0]["metadata"]["annotations"] != {}
    noted = {"coppice.dev/template": "x"}
    plain = {**job(), "metadata": {"name": "migrate", "annotations": noted}}
    assert with_time_limits([plain])[0]["metadata"]["annotations"] == noted


def test_pods_that_are_not_ready_hold_no_node() -> None:
    (found,) = rendered(BUDGET).manifests
    assert found["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_what_else_there_is_stays_as_it_is() -> None:
    others = (config_map("a", b="c"), {**cron_job(), "spec": {"schedule": "@daily"}})
    assert with_time_limits(others) == others


def test_only_routes_claim_hosts() -> None:
    assert route_hosts(route("x.dev.example.com")) == ("x.dev.example.com",)
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    for odd in (["evil.example"], 7, {"a": 1}, "evil.example", [7]):
        assert route_hosts({**widget, "spec": {"hostnames": odd}}) == ()
        assert route_hosts({**widget, "spec": odd}) == ()


@pytest.mark.parametrize("odd", [["evil.example"], 7, {"a": 1}])
def test_hosts_of_a_budget_end_in_a_refusal(odd: object) -> None:
    found = render_overlay({**BUDGET, "spec": {"hostnames": odd}})
    assert "unknown field spec.hostnames" in str(found)
