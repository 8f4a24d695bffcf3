import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.placeholders import Placeholders, substitute
from provisioning.refusal import Refused

OVERLAY = "manifests/overlays/feature"
VALUES = Placeholders(slug="new-login", database="feature_new_login", commit="1a2b3c4d")


def substituted(text: str) -> str:
    path = f"{OVERLAY}/web.yaml"
    return substitute({path: text.encode()}, [OVERLAY], VALUES)[path].decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("namespace: feature-BRANCH_NAME", "namespace: feature-new-login"),
        ("host: BRANCH_NAME.example.com", "host: new-login.example.com"),
        ("BRANCH_NAMEs", "new-logins"),
        ("todo_BRANCH_NAME", "todo_new-login"),
        ("db: BRANCH_NAME_DB", "db: feature_new_login"),
        ("BRANCH_NAME_DB.BRANCH_NAME", "feature_new_login.new-login"),
        ("BRANCH_NAMEBRANCH_NAME-x", None),
        ("rev: COMMIT_SHA", "rev: 1a2b3c4d"),
        ("image: web:COMMIT_SHA-arm", "image: web:1a2b3c4d-arm"),
        ("$COMMIT_SHA256", "$COMMIT_SHA256"),
        ("COMMIT_SHA_LONG", "COMMIT_SHA_LONG"),
        ("branch_name Branch_Name BRANCH NAME", "branch_name Branch_Name BRANCH NAME"),
    ],
)
def test_whole_tokens_are_replaced(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Refused):
            substituted(text)
    else:
        assert substituted(text) == expected


@pytest.mark.parametrize(
    "token", ["BRANCH_NAMES", "BRANCH_NAME_", "BRANCH_NAME_DBX", "BRANCH_NAME2", "BRANCH_NAME_SLUG"]
)
def test_an_unknown_token_is_refused_with_file_line_and_token(token: str) -> None:
    with pytest.raises(Refused) as caught:
        substituted(f"a: BRANCH_NAME\nb: x-{token}-y\n")
    (refusal,) = caught.value.refusals
    assert refusal.object == f"{OVERLAY}/web.yaml:2"
    assert f"unknown placeholder {token};" in refusal.reason


def test_every_unknown_token_is_named() -> None:
    with pytest.raises(Refused) as caught:
        substitute(
            {f"{OVERLAY}/a": b"BRANCH_NAME_A", f"{OVERLAY}/b": b"\nBRANCH_NAME_B BRANCH_NAME_C"},
            [OVERLAY],
            VALUES,
        )
    assert [refusal.object.removeprefix(f"{OVERLAY}/") for refusal in caught.value.refusals] == [
        "a:1",
        "b:2",
        "b:2",
    ]


def test_files_outside_the_overlays_are_left_alone_even_with_unknown_tokens() -> None:
    tree = {
        "manifests/base/web.yaml": b"BRANCH_NAME_X",
        "manifests/overlays/feature-two/web.yaml": b"BRANCH_NAME",
        "manifests/overlays/feature": b"BRANCH_NAME",
    }
    assert substitute(tree, [OVERLAY, ""], VALUES) == tree


def test_both_overlays_and_their_folders_are_looked_through() -> None:
    tree = {"a/b/deep/x.env": b"BRANCH_NAME", "c/x.yaml": b"COMMIT_SHA", "d": b"BRANCH_NAME"}
    assert substitute(tree, ["a/b", "c/"], VALUES) == {
        "a/b/deep/x.env": b"new-login",
        "c/x.yaml": b"1a2b3c4d",
        "d": b"BRANCH_NAME",
    }


def test_binary_files_are_left_alone_and_text_in_any_encoding_is_not() -> None:
    tree = {f"{OVERLAY}/logo": b"\x89PNG\0BRANCH_NAME_X", f"{OVERLAY}/latin": b"caf\xe9 BRANCH_NAME"}
    assert substitute(tree, [OVERLAY], VALUES) == {**tree, f"{OVERLAY}/latin": b"caf\xe9 new-login"}


def test_a_value_that_looks_like_a_token_is_not_replaced_again() -> None:
    values = Placeholders(slug="COMMIT_SHA", database=r"\g<0>BRANCH_NAME", commit="BRANCH_NAME_X")
    tree = {"o/x": b"BRANCH_NAME BRANCH_NAME_DB COMMIT_SHA"}
    assert substitute(tree, ["o"], values) == {"o/x": rb"COMMIT_SHA \g<0>BRANCH_NAME BRANCH_NAME_X"}


WORDS = st.sampled_from(
    ["BRANCH_NAME", "BRANCH_NAME_DB", "COMMIT_SHA", "-", ".", " ", "\n", "_", "X", "1", "x", "é"]
)


@given(st.lists(WORDS).map("".join))
def test_afterwards_no_token_is_left_and_text_without_one_is_unchanged(text: str) -> None:
    try:
        after = substituted(text)
    except Refused:
        assert "BRANCH_NAME" in text
        return
    assert "BRANCH_NAME" not in after
    if "BRANCH_NAME" not in text and "COMMIT_SHA" not in text:
        assert after == text
