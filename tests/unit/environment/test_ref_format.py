"""The judge is git itself, wherever it can be asked: an argument holds no NUL and no lone surrogate."""

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coppice.environment.ref_format import check

IMPOSSIBLE = [
    "a..b",
    " ",
    "a b",
    "a\0b",
    "a\x7f",
    "a\nb",
    "a~1",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[b",
    "a\\b",
    "a@{b",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a/.b",
    "a.",
    "a.lock",
    "a.lock/b",
    "",
]
POSSIBLE = [
    "feature/x",
    "ümlaut",
    "@",
    "@/x",
    "-x",
    "HEAD",
    "a.b",
    "a.locked",
    "a{b}",
    "100%",
    "x'or'1'='1",
    "a/b.c",
]


def possible(branch: str) -> bool:
    try:
        check(branch)
    except ValueError:
        return False
    return True


def git_says_so(branch: str) -> bool:
    command = ["git", "check-ref-format", f"refs/heads/{branch}"]
    return subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("branch", IMPOSSIBLE)
def test_a_name_that_git_cannot_give_a_branch_is_refused_and_the_reason_told(branch: str) -> None:
    with pytest.raises(ValueError, match=r"Git has no branch .+"):
        check(branch)


@pytest.mark.parametrize("branch", POSSIBLE)
def test_a_name_that_git_can_give_a_branch_is_one(branch: str) -> None:
    check(branch)


@settings(max_examples=200)
@example(branch="a\x80b")
@given(
    st.one_of(
        st.text(alphabet="ab./@{}\\ ~^:?*[-\x01\x7fü", min_size=1, max_size=8),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        st.lists(st.sampled_from(["a", ".", "..", "/", ".lock", "lock", "@{", "@", "-"]), min_size=1).map(
            "".join
        ),
    )
)
def test_git_agrees_about_every_name(branch: str) -> None:
    assert possible(branch) is git_says_so(branch)
