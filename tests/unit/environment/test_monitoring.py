"""A part of the whole cluster's monitoring: merged, told apart, taken out, and the rest as it was."""

from dataclasses import replace

import pytest

from coppice.components.monitoring.merge import owners, with_part, without_part
from coppice.components.monitoring.shared import ReplaceShared, Shared, SharedConfig, SharedPart
from coppice.environment.references import SharedName
from coppice.reconciler.plan import Blocked
from tests.unit.environment.monitoring_texts import JOBS, SETTINGS, UNTOUCHABLE
from tests.unit.environment.sharing import after, jobs_of, merged, names_of, part, pattern_of, shared, why


@pytest.mark.parametrize("text", JOBS)
def test_the_others_text_is_untouched_by_all_who_come_and_go(text: str) -> None:
    start = shared(text)
    full = merged(start, part("b", "x", "y"), part("a", "x" * 3_000), part("c", "z"))
    foreign = [job.get("job_name") for job in jobs_of(start)]
    assert names_of(full) == ["a-" + "x" * 3_000, "b-x", "b-y", "c-z", *foreign]
    for branch in ("a", "c", "b"):
        full = after(full, without_part(full, part(branch).owner.key))
    assert full.jobs is not None
    assert full.jobs.data == {"prometheus-config": text}


@pytest.mark.parametrize("text", UNTOUCHABLE)
def test_a_text_that_cannot_be_changed_safely_is_left_as_it_is(text: str) -> None:
    stopped = with_part(shared(text), part("a", "x"))
    assert "ConfigMap/kube-system/ama-metrics-prometheus-config is left as it is: " in why(stopped)


@pytest.mark.parametrize("text", UNTOUCHABLE)
def test_what_is_wrong_there_does_not_concern_a_branch_that_brings_nothing(text: str) -> None:
    assert with_part(shared(text, "?"), part("a")) == ()
    assert without_part(shared(text, "?"), part("a").owner.key) == ()


def test_the_text_is_the_same_whatever_order_the_branches_came_in() -> None:
    a, b, c = part("a", "x", annotated=True), part("b", "x", annotated=True), part("c", "x")
    one, other = merged(shared(), a, b, c), merged(shared(), c, b, a)
    assert one.jobs is not None
    assert other.jobs is not None
    assert one.jobs.data == other.jobs.data
    assert pattern_of(one) == pattern_of(other) == "feature-a|feature-b"


def test_a_part_that_stands_is_no_change_and_an_update_changes_its_own_block() -> None:
    a, b = part("a", "x", annotated=True), part("b", "x", "y", annotated=True)
    there = merged(shared(JOBS[14], SETTINGS[3]), a, b)
    assert with_part(there, a) == ()
    assert with_part(there, b) == ()
    newer = merged(there, part("b", "z"))
    assert names_of(newer) == ["a-x", "b-z", "production"]
    assert pattern_of(newer) == "feature-a|kube-system|project"


def test_one_replacement_carries_what_is_beside_the_text() -> None:
    document = {"metadata": {"labels": {"team": "ops"}}, "binaryData": {"b": "AA=="}}
    config = SharedConfig(
        name=SharedName.JOBS, version="7", data={"prometheus-config": "", "other": "x"}, document=document
    )
    (change,) = after_all(with_part(Shared(jobs=config), part("a", "x")))
    assert str(change) == "replace ConfigMap/kube-system/ama-metrics-prometheus-config"
    assert (change.config.version, change.config.document) == ("7", document)
    assert change.config.data["other"] == "x"


def after_all(changes: tuple[ReplaceShared, ...] | Blocked) -> tuple[ReplaceShared, ...]:
    assert not isinstance(changes, Blocked)
    return changes


def test_a_part_that_goes_has_a_name() -> None:
    gone = SharedPart(owner=part("a").owner.key, slug="a", replacements=())
    assert str(gone) == "monitoring/a"


def test_a_config_map_that_is_missing_is_made_by_an_administrator() -> None:
    stopped = with_part(Shared(), part("a", "x"))
    assert "runs `deploy/cluster/install`" in why(stopped)
    stopped = with_part(Shared(), part("a", annotated=True))
    assert "no ConfigMap ama-metrics-settings-configmap" in why(stopped)
    assert with_part(Shared(), part("a")) == ()
    assert without_part(Shared(), part("a").owner.key) == ()


def test_a_config_map_without_the_entry_is_told_which() -> None:
    empty = Shared(jobs=SharedConfig(name=SharedName.JOBS, version="1", data={}))
    assert "it has no entry prometheus-config: add one" in why(with_part(empty, part("a", "x")))


def test_another_branchs_block_is_never_touched() -> None:
    there = merged(shared(), part("x", "j", annotated=True))
    twin = part("feature/x", "j", slug="x")
    assert "belongs to branch 'x' of acme/todo-app" in why(with_part(there, twin))
    assert "belongs to branch 'x'" in why(with_part(there, replace(twin, jobs=(), annotated=True)))
    assert without_part(there, twin.owner.key) == ()


def test_owners_are_found_by_their_full_names() -> None:
    there = merged(shared(), part("fix/auth", "j", slug="a1"), part("fix/auth-2", annotated=True, slug="a2"))
    assert [each.key.branch for each in owners(there)] == ["fix/auth", "fix/auth-2"]
    left = after(there, without_part(there, part("fix/auth").owner.key))
    assert [(each.key.branch, each.namespace) for each in owners(left)] == [("fix/auth-2", "feature-a2")]
    assert owners(Shared()) == ()


def test_jobs_that_would_be_named_alike_are_told_apart() -> None:
    there = merged(shared("scrape_configs: [{job_name: a-z}]"), part("a", "b-c", "z"), part("a-b", "c"))
    assert len(set(names_of(there))) == 4
    assert {"a-b-c", "a-z"} < set(names_of(there))
    assert with_part(there, part("a", "b-c", "z")) == ()
    assert with_part(there, part("a-b", "c")) == ()
    alone = after(there, without_part(there, part("a").owner.key))
    assert names_of(merged(alone, part("a-b", "c"))) == ["a-b-c", "a-z"]


def test_a_block_that_somebody_has_edited_stops_its_own_branch_and_no_other() -> None:
    there = merged(shared(), part("a", "x"), part("b", "x"))
    assert there.jobs is not None
    text = there.jobs.data["prometheus-config"].replace('- {"job_name": "a-x"}', "- job_name: a-x")
    edited = shared(text)
    assert "lines of branch 'a' of acme/todo-app in it have been edited" in why(
        with_part(edited, part("a", "z"))
    )
    assert "have been edited" in why(without_part(edited, part("a").owner.key))
    assert names_of(merged(edited, part("b", "y"), part("c", "x"))) == ["b-y", "c-x", "a-x"]


def test_jobs_that_others_add_below_ours_stay_when_we_go() -> None:
    there = merged(shared("global: {}\n"), part("a", "x"))
    assert there.jobs is not None
    head, tail = there.jobs.data["prometheus-config"].split("global")
    added = shared(f"{head}- job_name: theirs\nglobal{tail}")
    gone = after(added, without_part(added, part("a").owner.key))
    assert gone.jobs is not None
    assert gone.jobs.data["prometheus-config"] == "scrape_configs:\n- job_name: theirs\nglobal: {}\n"


def test_marks_inside_a_text_of_others_are_left_alone() -> None:
    there = merged(shared(), part("a", "x"))
    assert there.jobs is not None
    inside = there.jobs.data["prometheus-config"].replace("\n", "\n  ")
    quoted = f"global:\n  text: |\n    x\n  {inside}\n"
    assert "are not where jobs stand" in why(without_part(shared(quoted), part("a").owner.key))


def test_a_config_map_does_not_grow_beyond_what_kubernetes_takes() -> None:
    there = shared("# " + "x" * 999_900)
    assert "more than 1000000 bytes" in why(with_part(there, part("a", "x" * 100)))
