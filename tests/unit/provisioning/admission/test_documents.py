import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coppice.manifests.documents import BadYaml, count, load, load_all

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
)


def test_aliases_are_counted_as_what_they_stand_for() -> None:
    assert count("[x, x]") == 3
    assert count("- &a [x, x]\n- *a\n- *a") == 10


def test_a_few_lines_that_unfold_to_billions_are_refused_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(BadYaml, match="unfolds to more than"):
        load_all(BOMB)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [*a]", "line 1: this alias has no anchor before it"),
        ("a: *b", "this alias has no anchor before it"),
        ("[" * 5000, "nests deeper"),
        ("a: 1\nb: 2\na: 3", "line 3: the same key"),
        ('a: 1\n"a": 2', "the same key"),
        ("<<: {a: 1}", "the merge key `<<` is not read; write out"),
        ("? [a]\n: b", "a key that is a list, a map or an alias is not read"),
        ("a: !!binary aGk=", "line 1: the tag '!!binary'"),
        ("a: !custom {b: c}", "the tag '!custom' is not read"),
        ("a: [", "line 2: did not find"),
        ("a: " + "9" * 5000, "limit"),
        ("a: 0x_", "invalid literal"),
        (b"\xff", "unacceptable"),
        ("\x07", "unacceptable"),
        ("\ud800", "surrogates"),
    ],
)
def test_the_reason_is_given_for_what_is_not_read(text: str, reason: str) -> None:
    with pytest.raises(BadYaml, match=reason):
        load_all(text)


def test_words_mean_what_they_mean_to_kubernetes() -> None:
    text = "a: 22:22\nb: 2026-01-01\nc: =\nd: yes\ne: 0644\nf: ~\ng: 1.5\nh: '1'\n8080: on\non: x\n'<<': y"
    assert load(text) == {
        "a": "22:22",
        "b": "2026-01-01",
        "c": "=",
        "d": True,
        "e": 420,
        "f": None,
        "g": 1.5,
        "h": "1",
        "8080": True,
        "on": "x",
        "<<": "y",
    }


def test_one_document_is_asked_for_and_several_are_not_merged() -> None:
    assert load_all("a\n---\nb\n---\n") == ["a", "b", None]
    assert load("") is None
    with pytest.raises(BadYaml, match="2 documents"):
        load("a: 1\n---\na: 2")


@given(
    st.text(alphabet="ab&*[]{}:,-?!<>|'\"#%@ \n\t~10.=", max_size=60)
    | st.text(max_size=20)
    | st.binary(max_size=30)
)
def test_nothing_but_bad_yaml_is_ever_raised(text: str) -> None:
    try:
        load_all(text)
    except BadYaml as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right


def test_a_long_word_is_not_unfolded_without_end() -> None:
    text = f"s: &s {'x' * 100_000}\na: [{'*s,' * 5_000}]"
    for read in (count, load_all):
        with pytest.raises(BadYaml, match="unfolds to more than 16777216 characters"):
            read(text)


@pytest.mark.parametrize("text", ["a: &x 1\nb: &x 2", "a: &x 1\n---\nb: *x"])
def test_an_anchor_is_a_documents_own_and_stands_once(text: str) -> None:
    with pytest.raises(BadYaml, match=r"anchor|alias"):
        load_all(text)


def test_an_alias_is_what_it_stands_for() -> None:
    assert load_all("a: &x {b: [1, yes]}\n? &k 1\n: *x\nd: *k") == [
        {"a": {"b": [1, True]}, "1": {"b": [1, True]}, "d": 1}
    ]
