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
    before = World().reconciler().observe("dev")
    sync = before.gitops[0].sync
    gitops = before.gitops if objects is None else (ObservedSync(sync, objects),)
    return replace(before, flags=flags or before.flags, gitops=gitops)


def commits(items: tuple[Item, ...]) -> list[Commit]:
    return [
        change
        for item in items
        if isinstance(item, Wave)
        for change in item.changes
        if isinstance(change, Commit)
    ]


def test_changes_of_one_branch_are_one_commit() -> None:
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


def test_a_value_that_cannot_be_set_blocks_and_nothing_is_committed() -> None:
    (blocked,) = switch_flags(observed(a_flag("state: &s on\nother: *s\n")), "off", message="x")
    assert isinstance(blocked, Blocked)
    assert "state is shared as &s with other" in blocked.why


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


def test_every_object_of_a_selector_has_to_be_in_force() -> None:
    other = replace(APP, name="web", revisions={"acme/gitops": "c0"})
    items = wait_until_in_force(
        observed(objects=objects((APP, "off"), (other, "on"))), "off", committing=False, refresh=True
    )
    assert items[0] == Wave((Refresh(synced=other),))
    assert "Application/argocd/web is at c0, where environment.state in dev.yaml is 'on'" in barrier(items)
    in_force = objects((APP, "off"), (other, "off"))
    assert wait_until_in_force(observed(objects=in_force), "off", committing=False, refresh=True) == ()


def test_a_refreshing_object_is_refreshed_again_only_for_a_new_commit() -> None:
    refreshing = objects((replace(APP, refreshing=True), "on"))
    assert len(wait_until_in_force(observed(objects=refreshing), "off", committing=False, refresh=True)) == 1
    assert len(wait_until_in_force(observed(objects=refreshing), "off", committing=True, refresh=True)) == 2
    assert len(wait_until_in_force(observed(objects=refreshing), "off", committing=True, refresh=False)) == 1


def test_an_object_that_could_not_apply_the_newest_commit_is_not_refreshed() -> None:
    """Once a refresh is requested, Flux says "Progressing", and no longer what was wrong."""
    failed = replace(APP, revisions={"acme/gitops": "b9"}, tried={"acme/gitops": "c0"}, unsynced="bad.yaml")
    (wait,) = wait_until_in_force(
        observed(objects=objects((failed, "on"))), "off", committing=False, refresh=True
    )
    assert isinstance(wait, Wait)
    assert "bad.yaml" in wait.why
    tried_before = objects((replace(failed, tried={"acme/gitops": "b9"}), "on"))
    assert (
        len(wait_until_in_force(observed(objects=tried_before), "off", committing=False, refresh=True)) == 2
    )


@pytest.mark.parametrize(
    ("found", "message"),
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
def test_a_flag_that_is_not_in_force_waits_or_blocks(
    found: Reading[tuple[FlagsInForce, ...]], message: str
) -> None:
    assert message in barrier(
        wait_until_in_force(observed(objects=found), "off", committing=False, refresh=True)
    )


def test_a_flag_that_nothing_syncs_blocks() -> None:
    flags = (a_flag("state: off"), a_flag("state: off", repository="acme/other"))
    items = wait_until_in_force(
        observed(*flags, objects=objects((APP, "off"))), "off", committing=False, refresh=True
    )
    assert "nothing in the schedule's sync reads acme/other" in barrier(items)


def test_a_passing_failure_waits_as_long_as_it_asks() -> None:
    assert unknown_barrier(Present(1)) is None
    wait = unknown_barrier(Present(1), Unknown(Unreachable("busy", retry_after=7)))
    assert isinstance(wait, Wait)
    assert wait.retry_after == 7
