from typing import Any

import pytest

from provisioning.explicit_defaults import outright
from tests.support.manifests import config_map, cron_job, overlay
from tests.support.program import Program


def secret(**content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, **content}


def test_what_a_secret_says_in_plain_text_is_applied_where_it_can_be_owned() -> None:
    assert outright(secret(stringData={"a": "ä", "b": ""}, data={"a": "eA==", "c": "eQ=="})) == secret(
        data={"a": "w6Q=", "b": "", "c": "eQ=="}
    )


@pytest.mark.parametrize("plain", [None, {"a": 1}, {"a": None}, ["a"]])
def test_what_the_api_server_has_to_judge_is_left_to_it(plain: Any) -> None:
    assert outright(secret(stringData=plain)) == secret(stringData=plain)


def test_a_cron_job_says_whether_it_runs() -> None:
    assert outright(cron_job())["spec"]["suspend"] is False
    suspended = {**cron_job(), "spec": {**cron_job()["spec"], "suspend": True}}
    assert outright(suspended) == suspended
    assert outright({**cron_job(), "spec": None}) == {**cron_job(), "spec": None}


def test_other_objects_are_applied_as_they_are() -> None:
    assert outright(config_map("settings", a="1")) == config_map("settings", a="1")


def test_a_label_that_leaves_the_settings_leaves_the_namespace_and_somebody_elses_stays() -> None:
    program = Program()
    program.stand("x")
    labels = program.world.namespaces["feature-x"].labels
    assert labels["dev-gateway-access"] == "allowed"
    program.world.label("feature-x", team="a")

    changed = program.with_rules(labels={"another": "1"}, digest="settings-2")
    changed.tell("x")
    changed.drain()

    labels = program.world.namespaces["feature-x"].labels
    assert "dev-gateway-access" not in labels
    assert (labels["another"], labels["team"]) == ("1", "a")


def test_an_identity_that_it_has_no_longer_is_not_shown_any_more() -> None:
    program = Program()
    program.stand("x")
    program.world.annotate("feature-x", **{"coppice.dev/identity.other": "rg/id-9", "theirs": "1"})
    program.push("x", overlay(config_map("more")))
    program.tell("x")
    program.drain()

    annotations = program.world.namespaces["feature-x"].annotations
    assert "coppice.dev/identity.other" not in annotations
    assert (annotations["theirs"], annotations["coppice.dev/identity"]) == ("1", "rg/id-0")
