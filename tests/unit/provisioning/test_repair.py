"""What an environment gets after its overlay was applied: pruning, lost credentials, word of its rollout."""

from dataclasses import replace
from datetime import timedelta

import pytest

from coppice.components.rollout import Trouble
from coppice.environment.references import CredentialRef, ObjectRef
from coppice.reconciler.outcome import Done, Stalled, Waiting
from tests.support.builders import credential_of
from tests.support.config import CONFIG
from tests.support.manifests import config_map, overlay
from tests.support.program import Program
from tests.support.snapshot import snapshot
from tests.support.world import Crash

ACCOUNT = "postgres-service-account"


def writes(program: Program, branch: str = "x") -> list[str]:
    """What the next run of a branch changes."""
    before = len(program.world.calls)
    program.run(branch)
    return program.world.writes(since=before)


def test_what_left_the_overlay_goes_once_all_of_the_new_one_was_applied() -> None:
    program = Program()
    program.stand("x", overlay(config_map("old")))
    program.push("x", overlay(config_map("new")))

    changed = writes(program)

    assert changed[-2:] == ["delete feature-x/ConfigMap/old", "write record/feature-x"]
    assert changed.index("annotate namespace/feature-x") < changed.index("delete feature-x/ConfigMap/old")
    assert program.world.records["feature-x"].pruning == ()


def test_what_nobody_put_into_the_inventory_is_never_pruned() -> None:
    program = Program()
    program.stand("x", overlay(config_map("old")))
    by_hand = ("feature-x", ObjectRef("v1", "ConfigMap", "by-hand"))
    program.world.objects[by_hand] = program.world.objects["feature-x", ObjectRef("v1", "ConfigMap", "old")]

    program.stand("x", overlay())

    assert by_hand in program.world.objects
    assert "ConfigMap/old" not in program.world.objects_in("feature-x")


def test_what_is_slow_to_go_stays_on_record_until_it_is_gone() -> None:
    program = Program()
    program.stand("x", overlay(config_map("old")))
    old = ObjectRef("v1", "ConfigMap", "old")
    program.world.lingering = {old}
    program.push("x", overlay())

    report = program.run("x")

    assert report.outcome == Waiting("ConfigMap/old is being deleted", "pruning", 10)
    assert program.world.records["feature-x"].pruning == (old,)
    program.world.finish_deleting()
    program.run("x")
    assert not program.world.records["feature-x"].pruning


def test_what_is_slow_to_go_is_remembered_through_another_push() -> None:
    program = Program()
    program.stand("x", overlay(config_map("old")))
    program.world.lingering = {ObjectRef("v1", "ConfigMap", "old")}
    program.push("x", overlay())
    program.run("x")

    program.push("x", overlay(config_map("new")))
    program.run("x")

    assert [str(ref) for ref in program.world.records["feature-x"].pruning] == ["ConfigMap/old"]


def test_pushed_and_forced_back_after_a_crash_nothing_of_the_first_commit_is_pruned() -> None:
    program = Program()
    first = program.stand("x", overlay(config_map("old")))
    before = snapshot(program.world)
    program.push("x", overlay(config_map("new")))
    undisturbed = program.copy()
    undisturbed.run("x")
    for number in range(len(undisturbed.world.calls) - len(program.world.calls)):
        other = program.copy()
        other.world.crash_at(number)
        with pytest.raises(Crash):
            other.run("x")
        other.world.recover()
        calls = len(other.world.calls)
        other.world.heads["x"] = first
        other.tell("x")
        other.drain()
        deleted = [each for each in other.world.writes(since=calls) if each.startswith("delete")]
        assert set(deleted) <= {"delete feature-x/ConfigMap/new"}
        assert snapshot(other.world) == before


def test_a_credential_of_an_account_that_needs_none_any_more_goes() -> None:
    program = Program(config=replace(CONFIG, accounts={ACCOUNT: "", "old": ""}))
    program.stand("x")
    fewer = program.with_rules(accounts={ACCOUNT: ""}, digest="settings-2")

    fewer.sweep()
    fewer.drain()

    assert [each.subject for each in program.world.every_credential()] == [
        f"system:serviceaccount:feature-x:{ACCOUNT}"
    ]


def test_a_credential_of_an_account_that_moved_to_another_pool_goes() -> None:
    program = Program(config=replace(CONFIG, pools={"": ("rg/id-0",), "storage": ("rg/st-0",)}))
    program.stand("x")
    moved = program.with_rules(accounts={ACCOUNT: "storage"}, digest="settings-2")

    moved.sweep()
    moved.drain()

    assert [each.identity for each in program.world.every_credential()] == ["rg/st-0"]


def test_a_credential_under_an_older_name_stays_and_is_used() -> None:
    program = Program()
    older = credential_of("x", name="older-x")
    program.world.add_credential(older)

    program.stand("x")

    assert program.world.every_credential() == (older,)
    assert CredentialRef("rg/id-0", "coppice-x") in program.world.records["feature-x"].credentials


def test_the_rollout_is_waited_for_and_then_noted() -> None:
    program = Program()
    program.push("x")

    report = program.run("x")
    assert isinstance(report.outcome, Waiting)
    assert report.outcome.code == "rollout"
    assert report.facts["result"] == "RollingOut"

    program.world.become_ready()
    report = program.run("x")
    assert isinstance(report.outcome, Done)
    assert report.facts["result"] == "Ready"
    assert report.facts["url"] == "http://feature-x.dev.example.com/"


def test_a_pod_that_cannot_pull_its_image_is_named_with_the_image() -> None:
    program = Program()
    program.world.troubles["feature-x"] = (
        Trouble(what="Pod/web-1", reason="ImagePullBackOff", message="example/web:1"),
    )
    program.push("x")

    assert "Pod/web-1: ImagePullBackOff: example/web:1" in program.run("x").outcome.why


def test_a_rollout_that_takes_too_long_is_not_ready_until_the_sweep_finds_it_up() -> None:
    program = Program()
    program.push("x")
    program.run("x")
    program.world.pass_time(minutes=9)
    assert isinstance(program.run("x").outcome, Waiting)
    program.world.pass_time(minutes=1)

    report = program.run("x")
    assert isinstance(report.outcome, Stalled)
    assert (report.outcome.code, report.facts["result"]) == ("not_ready", "NotReady")
    assert "Deployment/web 0/1" in report.outcome.why

    program.world.become_ready()
    program.sweep()
    program.drain()
    applied = program.namespace("x").applied
    assert applied is not None
    assert applied.result == "Ready"
    assert applied.since == program.world.now


def test_a_rollout_that_stays_stuck_is_written_down_once() -> None:
    program = Program()
    program.push("x")
    program.run("x")
    program.world.pass_time(minutes=10)
    program.run("x")

    assert writes(program) == []


def test_an_environment_nobody_pushed_to_is_applied_again_after_a_day() -> None:
    program = Program()
    program.stand("x")
    ref = ObjectRef("apps/v1", "Deployment", "web")
    wanted = program.world.objects["feature-x", ref].manifest
    program.world.objects["feature-x", ref] = replace(
        program.world.objects["feature-x", ref], manifest={**wanted, "spec": {}}
    )
    del program.world.objects["feature-x", ObjectRef("v1", "ConfigMap", "settings")]

    program.sweep()
    program.drain()
    assert program.world.objects["feature-x", ref].manifest != wanted

    program.world.now += timedelta(hours=24)
    program.sweep()
    program.drain()
    assert program.world.objects["feature-x", ref].manifest == wanted
    assert "ConfigMap/settings" in program.world.objects_in("feature-x")
