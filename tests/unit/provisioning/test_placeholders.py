import contextlib
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coppice.manifests.placeholders import Placeholders, left_over, substitute
from coppice.manifests.rejection import Rejection

OVERLAY = "manifests/overlays/feature"
VALUES = Placeholders(slug="new-login", database="feature_new_login", commit="1a2b3c4d")


def substituted(text: str) -> str:
    path = f"{OVERLAY}/web.yaml"
    return substitute({path: text.encode()}, [OVERLAY], VALUES)[path].decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("namespace: feature-BRANCH_NAME", 'namespace: "feature-new-login"'),
        ("host: BRANCH_NAME.example.com", 'host: "new-login.example.com"'),
        ("# BRANCH_NAMEs", "# new-logins"),
        ("a: 'todo_BRANCH_NAME'", "a: 'todo_new-login'"),
        ("db: BRANCH_NAME_DB", 'db: "feature_new_login"'),
        ("BRANCH_NAME_DB.BRANCH_NAME", '"feature_new_login.new-login"'),
        ("BRANCH_NAMEBRANCH_NAME-x", None),
        ("rev: COMMIT_SHA", 'rev: "1a2b3c4d"'),
        ("image: web:COMMIT_SHA-arm", 'image: "web:1a2b3c4d-arm"'),
        ("$COMMIT_SHA256", "$COMMIT_SHA256"),
        ("COMMIT_SHA_LONG", "COMMIT_SHA_LONG"),
        ("branch_name Branch_Name BRANCH NAME", "branch_name Branch_Name BRANCH NAME"),
    ],
)
def test_whole_tokens_are_replaced(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Rejection):
            substituted(text)
    else:
        assert substituted(text) == expected


@pytest.mark.parametrize(
    "token", ["BRANCH_NAMES", "BRANCH_NAME_", "BRANCH_NAME_DBX", "BRANCH_NAME2", "BRANCH_NAME_SLUG"]
)
def test_an_unknown_token_is_refused_with_file_line_and_token(token: str) -> None:
    with pytest.raises(Rejection) as caught:
        substituted(f"a: BRANCH_NAME\nb: x-{token}-y\n")
    (refusal,) = caught.value.refusals
    assert refusal.object == f"{OVERLAY}/web.yaml:2"
    assert f"unknown placeholder {token};" in refusal.reason


def test_every_unknown_token_is_named() -> None:
    with pytest.raises(Rejection) as caught:
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
    tree = {"a/b/deep/x.env": b"BRANCH_NAME", "c/x.txt": b"COMMIT_SHA", "d": b"BRANCH_NAME"}
    assert substitute(tree, ["a/b", "c/"], VALUES) == {
        "a/b/deep/x.env": b"new-login",
        "c/x.txt": b"1a2b3c4d",
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
    except Rejection:
        assert "BRANCH_NAME" in text
        return
    assert "BRANCH_NAME" not in after
    if "BRANCH_NAME" not in text and "COMMIT_SHA" not in text:
        assert after == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x BRANCH_NAME # BRANCH_NAME", 'a: &x "new-login" # new-login'),
        ("[BRANCH_NAME, {a: COMMIT_SHA}]", '["new-login", {a: "1a2b3c4d"}]'),
        ('a: x "BRANCH_NAME" \\d\n  y', 'a: "x \\"new-login\\" \\\\d\n  y"'),
        ("a: |\n  BRANCH_NAME\nb: 1", "a: |\n  new-login\nb: 1"),
        ("\ufeffa: BRANCH_NAME", '\ufeffa: "new-login"'),
        ("a: [BRANCH_NAME", "a: [new-login"),
    ],
)
def test_a_plain_value_of_a_yaml_file_is_quoted_and_all_else_stays_to_the_byte(
    text: str, expected: str
) -> None:
    assert substituted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "env: [{name: COMMIT_SHA, valueFrom: {fieldRef: {fieldPath: x}}}]",
        "- {value: a, name: BRANCH_NAME_DB}",
        "env: [{name: COMMIT_SHA}, {$patch: delete, name: BRANCH_NAME}]",
        "{name: GIT_COMMIT_SHA, valueFrom: {configMapKeyRef: {key: COMMIT_SHA, name: a}}}",
        "data: {BRANCH_NAME: a, MY_BRANCH_NAME_LONG: b}",
        "args: [$(COMMIT_SHA), '${BRANCH_NAME}', \"echo $COMMIT_SHA\"]",
        "fieldPath: spec.containers.[name=web].env.[name=COMMIT_SHA].value",
        "- {op: remove, path: /data/COMMIT_SHA}",
    ],
)
def test_the_name_of_a_variable_that_is_called_like_a_token_stays(text: str) -> None:
    assert substituted(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COMMIT_SHA=COMMIT_SHA", "COMMIT_SHA=1a2b3c4d"),
        ("  export BRANCH_NAME=BRANCH_NAME", "  export BRANCH_NAME=new-login"),
        ("--set=BRANCH_NAME=x", "--set=new-login=x"),
    ],
)
def test_a_line_that_sets_a_variable_keeps_its_name(text: str, expected: str) -> None:
    path = f"{OVERLAY}/web.env"
    assert substitute({path: text.encode()}, [OVERLAY], VALUES)[path].decode() == expected


def test_the_name_of_an_object_is_no_variable() -> None:
    assert substituted("metadata: {name: BRANCH_NAME}") == 'metadata: {name: "new-login"}'


def test_a_patch_that_stands_in_a_kustomization_is_yaml_too_and_lines_stay_where_they_are() -> None:
    path = f"{OVERLAY}/kustomization.yaml"
    text = "patches:\n- patch: |-\n    a: BRANCH_NAME\n    b: BRANCH_NAMES\nx: BRANCH_NAMEX\n"
    with pytest.raises(Rejection) as caught:
        substitute({path: text.encode()}, [OVERLAY], VALUES)
    assert [refusal.object for refusal in caught.value.refusals] == [f"{path}:4", f"{path}:5"]

    after = substitute(
        {path: text.replace("NAMES", "NAME").replace("NAMEX", "NAME").encode()}, [OVERLAY], VALUES
    )
    read = yaml.safe_load(after[path])
    assert yaml.safe_load(read["patches"][0]["patch"]) == {"a": "new-login", "b": "new-login"}
    assert after[path].decode().count("\n") == text.count("\n")


def test_what_is_left_over_is_found_with_its_field_and_names_of_variables_are_not() -> None:
    web = {
        "kind": "Deployment",
        "env": [
            {"name": "COMMIT_SHA", "value": "$(COMMIT_SHA)"},
            {"name": "A", "value": "x-BRANCH_NAME"},
            {"name": "COMMIT_SHA"},
        ],
        "data": {"COMMIT_SHA": "", "BRANCH_NAME.txt": ""},
        "from": {"secretKeyRef": {"key": "BRANCH_NAME", "name": "BRANCH_NAME"}},
    }
    assert sorted((field, token) for _, field, token in left_over([web])) == [
        ("a key of data", "BRANCH_NAME"),
        ("env[1].value", "BRANCH_NAME"),
        ("from.secretKeyRef.name", "BRANCH_NAME"),
    ]


@pytest.mark.parametrize("unit", ["- .\n", "COMMIT_SHA= ", "a: BRANCH_NAME\n", "BRANCH_NAME_X ", "A", "{a: "])
def test_the_worst_megabyte_takes_a_second_at_most(unit: str) -> None:
    text = (unit * (1_000_000 // len(unit)))[:1_000_000] + "\nCOMMIT_SHA"
    started = time.process_time()
    with contextlib.suppress(Rejection):
        substituted(text)
    assert time.process_time() - started < 5
