from dataclasses import replace

import pytest

from coppice.reconciler.errors import Failure, Forbidden, Rejected, Unreachable
from coppice.reconciler.observation import Present, Reading, Unknown
from coppice.reconciler.plan import Blocked, Item, Wait, Wave
from scheduler.barriers import switch_flags, unknown_barrier, wait_until_in_force
from scheduler.flags import Commit, Head, ObservedFlag
from scheduler.gitops import FlagsInForce, ObservedSync, Refresh, Synced
from scheduler.observe import Observed
from scheduler.scalars import Scalar
from scheduler.schedule import Flag
from tests.unit.scheduler.world import World

APP = Synced(kind="Application", namespace="argocd", name="dev", revisions={"acme/gitops": "c1"})


def a_flag(
    text: str, *, file: str = "dev.yaml", path: str = "state", repository: str = "acme/gitops"
) -> ObservedFlag:
    flag = Flag.model_validate({"file": file, "path": path})
    return ObservedFlag(
        flag=flag,
        repository=repository,
        branch="main",
        head=Present(Head("c1", text, "off" if "off" in text else "on")),
    )


def observed(*flags: ObservedFlag, objects: Reading[tuple[FlagsInForce, ...]] | None = None) -> Observed:
    looked = World().reconciler().observe("dev")
    sync = looked.gitops[0].sync
    gitops = looked.gitops if objects is None else (ObservedSync(sync, objects),)
    return replace(looked, flags=flags or looked.flags, gitops=gitops)


def commits(items: tuple[Item, ...]) -> list[Commit]:
    return [
        change
        for item in items
        if isinstance(item, Wave)
        for change in item.changes
        if isinstance(change, Commit)
    ]


def test_what_changes_together_in_one_branch_is_one_commit() -> None:
    flags = (
        a_flag("state: on\nother: on\n"),
        a_flag("state: on\nother: on\n", path="other"),
        a_flag("state: on\n", file="postgres.yaml"),
        a_flag("state: off\n", file="done.yaml"),
        a_flag("state: on\n", repository="acme/flux"),
    )
    first, second = commits(switch_flags(observed(*flags), "off", message="Put dev to sleep"))
    assert dict(first.files) == {
        "dev.yaml": 'state: "off"\nother: "off"\n',
        "postgres.yaml": 'state: "off"\n',
    }
    assert (first.parent, second.repository) == ("c1", "acme/flux")


def test_a_value_that_cannot_be_set_is_said_and_nothing_is_committed() -> None:
    (stop,) = switch_flags(observed(a_flag("state: &s on\nother: *s\n")), "off", message="x")
    assert isinstance(stop, Blocked)
    assert "state is shared as &s with other" in stop.why


def objects(*found: tuple[Synced, Scalar | Failure]) -> Present[tuple[FlagsInForce, ...]]:
    return Present(
        tuple(
            FlagsInForce(one, {0: Unknown(value) if isinstance(value, Failure) else Present(value)})
            for one, value in found
        )
    )


def barrier(items: tuple[Item, ...]) -> str:
    last = items[-1]
    assert isinstance(last, Wait | Blocked)
    return f"{type(last).__name__}: {last.why}"


def test_all_that_a_selector_means_have_to_be_there() -> None:
    other = replace(APP, name="web", revisions={"acme/gitops": "c0"})
    items = wait_until_in_force(
        observed(objects=objects((APP, "off"), (other, "on"))), "off", committing=False, refresh=True
    )
    assert items[0] == Wave((Refresh(synced=other),))
    assert "Application/argocd/web is at c0, where environment.state in dev.yaml is 'on'" in barrier(items)
    both = objects((APP, "off"), (other, "off"))
    assert wait_until_in_force(observed(objects=both), "off", committing=False, refresh=True) == ()


def test_what_has_been_asked_to_look_is_not_asked_again_until_there_is_a_new_commit() -> None:
    asked = objects((replace(APP, refreshing=True), "on"))
    assert len(wait_until_in_force(observed(objects=asked), "off", committing=False, refresh=True)) == 1
    assert len(wait_until_in_force(observed(objects=asked), "off", committing=True, refresh=True)) == 2
    assert len(wait_until_in_force(observed(objects=asked), "off", committing=True, refresh=False)) == 1


def test_what_could_not_apply_the_newest_commit_is_not_asked_again_for_it_would_forget_why() -> None:
    """Flux says "Progressing" as soon as it is asked, and no longer what was wrong."""
    failed = replace(APP, revisions={"acme/gitops": "b9"}, tried={"acme/gitops": "c0"}, unsynced="bad.yaml")
    (gate,) = wait_until_in_force(
        observed(objects=objects((failed, "on"))), "off", committing=False, refresh=True
    )
    assert isinstance(gate, Wait)
    assert "bad.yaml" in gate.why
    older = objects((replace(failed, tried={"acme/gitops": "b9"}), "on"))
    assert len(wait_until_in_force(observed(objects=older), "off", committing=False, refresh=True)) == 2


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Present(()), "Blocked: there is no Application/argocd/dev: correct the schedule's sync"),
        (Unknown(Unreachable("no answer")), "Wait: not read: no answer"),
        (Unknown(Forbidden("no right")), "Blocked: not read: no right"),
        (objects((APP, Unreachable("no answer"))), "Wait: Application/argocd/dev is at c1, and no answer"),
        (objects((APP, Rejected("no such file"))), "Wait: Application/argocd/dev is at c1, and no such file"),
        (
            objects((replace(APP, unsynced="it is OutOfSync"), "off")),
            "Wait: Application/argocd/dev: it is OutOfSync",
        ),
        (Present((FlagsInForce(APP, {}),)), "Wait: Application/argocd/dev has not synced yet"),
    ],
)
def test_everything_short_of_the_flag_in_force_is_waited_for_or_said(
    found: Reading[tuple[FlagsInForce, ...]], said: str
) -> None:
    assert said in barrier(
        wait_until_in_force(observed(objects=found), "off", committing=False, refresh=True)
    )


def test_a_flag_that_nothing_syncs_is_said() -> None:
    flags = (a_flag("state: off"), a_flag("state: off", repository="acme/other"))
    items = wait_until_in_force(
        observed(*flags, objects=objects((APP, "off"))), "off", committing=False, refresh=True
    )
    assert "nothing in the schedule's sync reads acme/other" in barrier(items)


def test_what_passes_is_waited_for_as_long_as_it_asks() -> None:
    assert unknown_barrier(Present(1)) is None
    gate = unknown_barrier(Present(1), Unknown(Unreachable("busy", retry_after=7)))
    assert isinstance(gate, Wait)
    assert gate.retry_after == 7
