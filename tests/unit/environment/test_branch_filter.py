import pytest

from coppice.environment.branch_filter import included

EXCLUDE = ("release/*", "dependabot/*", "renovate/*", "gh-readonly-queue/*")


@pytest.mark.parametrize(
    "branch", ["feature/new-login", "ex-c4-e6", "releases/1", "Release/1", "x/release/1"]
)
def test_a_branch_that_no_pattern_excludes_gets_an_environment(branch: str) -> None:
    assert included(branch, ("*",), EXCLUDE, "main") is None


@pytest.mark.parametrize("branch", ["dependabot/x", "dependabot/npm_and_yarn/lodash-4"])
def test_a_pattern_covers_every_folder_below_it(branch: str) -> None:
    reason = included(branch, ("*",), EXCLUDE, "main")

    assert reason == f"'{branch}' matches 'dependabot/*' in BRANCHES_EXCLUDE."


def test_the_default_branch_never_gets_an_environment_even_if_it_is_included_by_name() -> None:
    reason = included("trunk", ("trunk",), (), "trunk")

    assert reason == "'trunk' is the repository's default branch, which never gets an environment."


def test_a_branch_that_nothing_includes_is_told_what_would() -> None:
    reason = included("spike/x", ("feature/*", "fix/*"), (), None)

    assert reason == "'spike/x' matches nothing in BRANCHES_INCLUDE (feature/*, fix/*)."


def test_what_is_excluded_stays_out_even_if_it_is_included_too() -> None:
    assert included("feature/x", ("feature/*",), ("feature/x",), None) is not None


def test_case_counts_as_it_does_in_git() -> None:
    assert included("Feature/x", ("feature/*",), (), None) is not None


def test_a_pattern_matches_whole_names_only() -> None:
    assert included("fix/auth-2", ("*",), ("fix/auth",), None) is None


def test_without_a_known_default_branch_the_patterns_alone_decide() -> None:
    assert included("main", ("*",), (), None) is None
