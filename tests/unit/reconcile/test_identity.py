"""Tests that group, kind, namespace and name identify an object, and that its API version does not."""

from dataclasses import replace
from typing import Any

import pytest

from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Conflict
from coppice.reconciler.outcome import Done, Waiting
from tests.support.manifests import config_map, overlay, route, scaler
from tests.support.program import Program
from tests.support.world import Stored


def of_version(version: str, manifest: dict[str, Any]) -> dict[str, Any]:
    group = manifest["apiVersion"].rpartition("/")[0]
    return {**manifest, "apiVersion": f"{group}/{version}"}


SCALER, ROUTE = scaler("HorizontalPodAutoscaler", "web"), route()


@pytest.mark.parametrize(("manifest", "older"), [(SCALER, "v1"), (ROUTE, "v1beta1")], ids=["scaler", "route"])
@pytest.mark.parametrize("forwards", [True, False], ids=["to the newer", "back to the older"])
def test_an_object_whose_version_changes_stays_the_object_that_it_is(
    manifest: dict[str, Any], older: str, forwards: bool
) -> None:
    program = Program()
    rest = overlay()[:-1]
    before, after = of_version(older, manifest), manifest
    before, after = (before, after) if forwards else (after, before)
    program.stand("x", (*rest, before))
    (there,) = [each for (_, ref), each in program.world.objects.items() if ref.kind == manifest["kind"]]
    calls = len(program.world.calls)

    program.stand("x", (*rest, after))

    (stands,) = [each for (_, ref), each in program.world.objects.items() if ref.kind == manifest["kind"]]
    assert (stands.uid, stands.manifest["apiVersion"]) == (there.uid, after["apiVersion"])
    assert not [each for each in program.world.writes(calls) if each.startswith("delete")]
    assert program.world.records["feature-x"].pruning == ()


def test_what_another_version_was_noted_of_is_pruned_when_it_leaves() -> None:
    program = Program()
    program.stand("x", overlay(of_version("v1", SCALER)))

    program.stand("x", overlay())

    assert "HorizontalPodAutoscaler/web" not in program.world.objects_in("feature-x")


def test_what_stands_under_the_uid_of_an_object_of_the_overlay_is_not_pruned() -> None:
    """For example, `events.k8s.io/v1` and `v1` serve the same Events."""
    program = Program()
    program.stand("x", overlay(SCALER))
    (at, applied) = next(
        each for each in program.world.objects.items() if each[0][1].kind == "HorizontalPodAutoscaler"
    )
    other = ObjectRef("scaling.example.com/v1", at[1].kind, at[1].name)
    program.world.objects["feature-x", other] = Stored(
        manifest=applied.manifest, uid=applied.uid, version=applied.version, ready=True
    )
    record = program.world.records["feature-x"]
    program.world.records["feature-x"] = replace(record, pruning=(other,))

    report = program.run("x")

    assert report.outcome == Done()
    assert {at, ("feature-x", other)} <= program.world.objects.keys()
    assert program.world.records["feature-x"].pruning == ()


OLD = ObjectRef("v1", "ConfigMap", "old")


def leaving() -> Program:
    """Return a program with an object that has left the overlay and that a finalizer still holds."""
    program = Program()
    program.stand("x", overlay(config_map("old")))
    program.world.lingering = {OLD}
    program.push("x", overlay())
    program.run("x")
    assert program.world.objects["feature-x", OLD].deleting
    return program


def test_what_comes_back_while_it_is_on_its_way_out_is_waited_for_and_made_anew() -> None:
    program = leaving()
    former = program.world.objects["feature-x", OLD].uid
    program.push("x", overlay(config_map("old")))

    for _ in range(2):
        assert program.run("x").outcome == Waiting("ConfigMap/old is being deleted", "pruning", 10)
        assert list(program.world.records["feature-x"].pruning) == [OLD]

    program.world.finish_deleting()
    program.tell("x")
    reports = program.drain()

    assert reports[-1].outcome == Done()
    assert program.world.objects["feature-x", OLD].uid != former
    assert not program.world.records["feature-x"].pruning


def test_what_comes_back_and_leaves_again_goes() -> None:
    program = leaving()
    program.push("x", overlay(config_map("old")))
    program.run("x")
    program.push("x", overlay())
    program.run("x")
    program.world.finish_deleting()
    program.tell("x")

    assert program.drain()[-1].outcome == Done()
    assert ("feature-x", OLD) not in program.world.objects


def test_an_object_that_somebody_deletes_and_something_holds_is_not_taken_for_applied() -> None:
    program = Program()
    program.stand("x", overlay(config_map("old")))
    at = ("feature-x", OLD)
    program.world.objects[at] = replace(program.world.objects[at], deleting=True)
    commit = program.push("x", overlay(config_map("old", a="2")))

    assert program.run("x").outcome == Waiting("ConfigMap/old is being deleted", "conflict", 5)
    applied = program.namespace("x").applied
    assert applied is not None
    assert applied.revision != commit

    program.world.finish_deleting()
    program.tell("x")
    assert program.drain()[-1].outcome == Done()
    assert not program.world.objects[at].deleting


def test_a_race_that_is_lost_at_the_end_applies_no_object_twice() -> None:
    program = Program()
    program.push("x", overlay())
    lost = ["annotate namespace/feature-x"] * 2

    def before(what: str) -> None:
        if lost and what == lost[0]:
            raise Conflict(lost.pop())

    program.world.before = before
    program.run("x")

    applied = [each for each in program.world.calls if each.startswith("apply feature-x/")]
    assert len(applied) == len(set(applied)) == len(overlay())
