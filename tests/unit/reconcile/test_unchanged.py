"""A push applies what it changed. The next apply of all objects puts back what was changed by hand."""

from dataclasses import replace

import pytest

from coppice.environment.references import ObjectRef
from tests.support.config import CONFIG, namespace_of
from tests.support.manifests import config_map, deployment, job, overlay, scaler
from tests.support.program import Program
from tests.support.world import Crash

NAMESPACE = namespace_of("x")
WEB = deployment(image="example/web:1")
FIRST = (WEB, config_map("one"), config_map("two", a="1"))
SECOND = (WEB, config_map("one"), config_map("two", a="2"))


def applied(program: Program, since: int) -> list[str]:
    """What was applied, as `Kind/name`."""
    return [
        each.removeprefix(f"apply {NAMESPACE}/")
        for each in program.world.calls[since:]
        if each.startswith(f"apply {NAMESPACE}/")
    ]


def pushed(program: Program, *objects: object) -> list[str]:
    """Push, let the program come to its end, and return what it applied."""
    program.push("x", objects)  # type: ignore[arg-type]
    return worked(program)


def worked(program: Program) -> list[str]:
    since = len(program.world.calls)
    program.tell("x")
    program.drain()
    assert program.namespace("x").annotations["coppice.dev/result"] == "Ready"
    return applied(program, since)


def test_a_push_applies_what_it_changed_and_nothing_else() -> None:
    program = Program()
    program.stand("x", FIRST)
    assert pushed(program, *SECOND) == ["ConfigMap/two"]
    assert pushed(program, *SECOND) == []
    assert pushed(program, *SECOND, config_map("three")) == ["ConfigMap/three"]


def test_an_object_that_comes_back_is_applied_though_it_is_as_it_was() -> None:
    program = Program()
    program.stand("x", FIRST)
    pushed(program, WEB, config_map("two", a="1"))
    assert pushed(program, *FIRST) == ["ConfigMap/one"]


def test_another_version_of_an_api_is_a_change() -> None:
    program = Program()
    before, after = scaler("HorizontalPodAutoscaler", "web"), scaler("HorizontalPodAutoscaler", "web")
    program.stand("x", (WEB, {**before, "apiVersion": "autoscaling/v1"}))
    found = pushed(program, WEB, {**after, "apiVersion": "autoscaling/v2"})
    assert found == ["HorizontalPodAutoscaler/web"]


def test_a_job_is_applied_with_each_push_for_it_may_have_run_and_gone() -> None:
    program = Program()
    program.stand("x", (*FIRST, job()))
    program.world.objects.pop((NAMESPACE, ObjectRef("batch/v1", "Job", "migrate")))
    assert pushed(program, *FIRST, job()) == ["Job/migrate"]


def test_a_secret_is_applied_with_each_push_and_nothing_of_it_is_recorded() -> None:
    program = Program()
    secret = {**config_map("login", password="c2VjcmV0"), "kind": "Secret"}
    program.stand("x", (*FIRST, secret))
    assert pushed(program, *FIRST, secret) == ["Secret/login"]
    assert set(program.world.records[NAMESPACE].digests) & {"Secret/login", "apps/Deployment/web"} == {
        "apps/Deployment/web"
    }


def test_when_it_falls_asleep_and_wakes_only_what_runs_is_applied() -> None:
    program = Program()
    program.stand("x", FIRST)
    program.world.pass_time(hours=2)
    program.world.night = program.world.now
    assert worked(program) == ["Deployment/web"]
    program.world.night = None
    assert worked(program) == ["Deployment/web"]


def test_all_is_applied_a_day_after_all_of_it_was_however_often_somebody_pushes() -> None:
    program = Program()
    program.stand("x", FIRST)
    for name in ("three", "four"):
        program.world.pass_time(hours=8)
        assert f"ConfigMap/{name}" in pushed(program, *SECOND, config_map(name))
    program.world.pass_time(hours=8)
    assert sorted(pushed(program, *SECOND)) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]
    program.world.pass_time(hours=8)
    assert pushed(program, *FIRST) == ["ConfigMap/two"]


def test_all_is_applied_when_somebody_asks_for_it() -> None:
    program = Program()
    program.stand("x", FIRST)
    since = len(program.world.calls)
    program.ask("x", "apply")
    program.drain()
    assert sorted(applied(program, since)) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]


def test_all_is_applied_under_other_settings() -> None:
    program = Program()
    program.stand("x", FIRST)
    other = Program(program.world, replace(CONFIG, digest="settings-2"), program.queue)
    assert sorted(pushed(other, *SECOND)) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]


def test_all_is_applied_to_an_environment_that_did_not_become_ready() -> None:
    program = Program()
    program.stand("x", FIRST)
    namespace = program.world.namespaces[NAMESPACE]
    program.world.annotate(NAMESPACE, **{"coppice.dev/result": "NotReady"})
    assert namespace.applied is not None
    assert sorted(pushed(program, *SECOND)) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]


def test_all_is_applied_after_an_apply_that_was_cut_short() -> None:
    program = Program()
    program.stand("x", FIRST)
    program.push("x", (WEB, config_map("one", b="2"), config_map("two", a="2")))
    last = f"apply {NAMESPACE}/ConfigMap/two"

    def crash(what: str) -> None:
        if what == last:
            raise Crash(what)

    program.world.before = crash
    with pytest.raises(Crash):
        program.run("x")
    program.world.recover()
    assert sorted(worked(program)) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]


@pytest.mark.parametrize("lost", ["digests", "objects", "whole_at"])
def test_all_is_applied_if_it_is_not_known_what_was_applied(lost: str) -> None:
    program = Program()
    program.stand("x", FIRST)
    record = program.world.records[NAMESPACE]
    match lost:
        case "digests":
            program.world.records[NAMESPACE] = replace(record, digests={})
        case "whole_at":
            program.world.records[NAMESPACE] = replace(record, whole_at=None)
        case _:
            program.world.annotate(NAMESPACE, **{"coppice.dev/objects": ""})
    assert sorted(pushed(program, *SECOND)) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]


def test_a_workload_that_somebody_deleted_comes_back_with_the_next_push() -> None:
    program = Program()
    program.stand("x", FIRST)
    program.world.objects.pop((NAMESPACE, ObjectRef("apps/v1", "Deployment", "web")))
    found = pushed(program, *SECOND)
    assert found[0] == "ConfigMap/two"  # what was pushed comes first
    assert sorted(found[1:]) == ["ConfigMap/one", "ConfigMap/two", "Deployment/web"]


def test_what_was_changed_by_hand_is_put_back_by_the_next_apply_of_all() -> None:
    program = Program()
    program.stand("x", FIRST)
    program.world.objects.pop((NAMESPACE, ObjectRef("v1", "ConfigMap", "one")))
    pushed(program, *SECOND)
    assert "ConfigMap/one" not in program.world.objects_in(NAMESPACE)
    program.world.pass_time(hours=24)
    program.sweep()
    program.drain()
    assert "ConfigMap/one" in program.world.objects_in(NAMESPACE)


def test_objects_of_an_overlay_without_a_change_are_not_part_of_the_plan() -> None:
    program = Program()
    program.stand("x", overlay(config_map("one")))
    program.push("x", overlay(config_map("one"), config_map("two")))
    _, _, planned = program.reconciler.explain(CONFIG.key("x"))
    assert "apply ConfigMap/one" not in map(str, planned.changes)
    assert "apply ConfigMap/two" in map(str, planned.changes)
