"""The pattern of namespaces whose annotated pods are scraped."""

import re
from dataclasses import replace

import pytest

from coppice.components.monitoring.merge import owners, with_part, without_part
from coppice.components.monitoring.shared import Part, Shared
from tests.unit.environment.monitoring_texts import CLUSTER_METRICS, SETTINGS
from tests.unit.environment.sharing import KEY, after, merged, part, pattern_of, shared, why


def text_of(there: Shared, key: str = KEY) -> str:
    assert there.settings is not None
    return there.settings.data[key]


@pytest.mark.parametrize("text", SETTINGS)
def test_the_others_pattern_is_untouched_by_all_who_come_and_go(text: str) -> None:
    start = shared(pattern=text)
    full = merged(start, *(part(f"{slug}=", annotated=True, slug=slug) for slug in ("b1", "a", "b0")))
    for branch in ("a=", "b0=", "b1="):
        full = after(full, without_part(full, part(branch).owner.key))
    assert full.settings is not None
    assert start.settings is not None
    assert full.settings.data == start.settings.data


def test_the_pattern_is_the_alternation_of_all_living_ones_and_the_others() -> None:
    there = merged(shared(pattern='podannotationnamespaceregex = "^project$|staging"'), a(), b())
    assert pattern_of(there) == "feature-a|feature-b|^project$|staging"
    matching = re.compile(f"^(?:{pattern_of(there)})$")  # as Prometheus anchors it
    assert [
        name for name in ("feature-a", "feature-b", "project", "staging") if not matching.match(name)
    ] == []
    assert not matching.match("feature-a2")
    assert not matching.match("my-feature-a")


def test_an_empty_pattern_of_the_others_does_not_become_one_that_matches_nothing() -> None:
    assert pattern_of(merged(shared(), a())) == "feature-a"


def test_a_pattern_of_the_others_that_takes_in_all_goes_on_doing_so() -> None:
    assert pattern_of(merged(shared(pattern='podannotationnamespaceregex = ".*"'), a())) == "feature-a|.*"


def test_the_second_version_of_the_schema_keeps_the_pattern_elsewhere() -> None:
    start = shared(**{"schema-version": " v2\n", "cluster-metrics": CLUSTER_METRICS})
    there = merged(start, a())
    assert pattern_of(there, "cluster-metrics") == "feature-a|project"
    assert text_of(there) == text_of(start)
    gone = after(there, without_part(there, a().owner.key))
    assert text_of(gone, "cluster-metrics") == CLUSTER_METRICS


def test_what_was_left_in_the_entry_of_an_older_version_goes_too() -> None:
    there = merged(shared(), a(), b())
    assert there.settings is not None
    moved = {**there.settings.data, "schema-version": "v2", "cluster-metrics": CLUSTER_METRICS}
    newer = merged(replace(there, settings=replace(there.settings, data=moved)), a())
    assert pattern_of(newer, "cluster-metrics") == "feature-a|project"
    assert pattern_of(newer) == "feature-b"
    gone = after(newer, without_part(newer, b().owner.key))
    assert text_of(gone) == text_of(shared())


def test_the_marks_are_nothing_to_any_of_azures_parsers() -> None:
    there = merged(shared(), part("x=y: |-", annotated=True, slug="a"))
    (mark,) = [line for line in text_of(there).splitlines() if "coppice" in line]
    assert mark.startswith("#")  # a comment, to those that know comments
    assert "=" not in mark  # and to the others neither a setting
    assert not mark.endswith(": |-")  # nor a section
    assert [each.key.branch for each in owners(there)] == ["x=y: |-"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "runs `deploy/cluster/install`"),
        (
            'podannotationnamespaceregex = "a"\npodannotationnamespaceregex = "b"',
            "begins 2 of its lines, and 2 of them are",
        ),
        ('podannotationnamespaceregex = "a" # why', "begins 1 of its lines, and 0 of them are"),
        (
            'podannotationnamespaceregex = "a"\npodannotationnamespaceregex = b',
            "begins 2 of its lines, and 1 of them are",
        ),
        (
            "podannotationnamespaceregex = a",
            "entry pod-annotation-based-scraping: podannotationnamespaceregex begins 1 of",
        ),
        ('# coppice: namespace {}\npodannotationnamespaceregex = "a"', "names no branch"),
    ],
)
def test_settings_that_are_not_understood_are_left_alone(text: str, said: str) -> None:
    stopped = why(with_part(shared(pattern=text), a()))
    assert "ConfigMap/kube-system/ama-metrics-settings-configmap is left as it is: " in stopped
    assert said in stopped


def test_a_version_that_is_not_known_is_left_alone() -> None:
    assert "its schema-version 'v3' is not known here" in why(
        with_part(shared(**{"schema-version": "v3"}), a())
    )


def test_a_name_that_somebody_took_out_of_the_pattern_comes_back() -> None:
    there = merged(shared(pattern='podannotationnamespaceregex = "project"'), a(), b())
    assert there.settings is not None
    text = text_of(there).replace("feature-a|", "")
    edited = replace(there, settings=replace(there.settings, data={KEY: text}))
    assert pattern_of(merged(edited, b())) == "feature-a|feature-b|project"
    gone = after(edited, without_part(edited, a().owner.key))
    assert pattern_of(gone) == "feature-b|project"


def a() -> Part:
    return part("a", annotated=True)


def b() -> Part:
    return part("b", annotated=True)
