import pytest

from scheduler.documents import DocumentError, Path, get, put

at = Path.parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\ton\n", "on"),
        ("a: on\t# comment\n", "on"),
        ("a: on \t\n", "on"),
        ("a: 'on'\t# comment\n", "on"),
        ("a\t: on\n", "on"),
        ("x: &s\t1\na: on\n", "on"),
        ("x: [1,\t2]\t\na: on\n", "on"),
        ("a: x\ty\n", "x\ty"),
    ],
)
def test_tabs_are_read_where_kustomize_reads_them(text: str, value: str) -> None:
    assert get(text, at("a")) == value
    assert get(put(text, at("a"), "off"), at("a")) == "off"
    assert put(text, at("a"), "off").replace('"off"', "on").replace("'off'", "'on'").count("\t") == (
        text.count("\t") - value.count("\t")
    )


@pytest.mark.parametrize("text", ["a:\n\tb: on\n", "-\ta: 1\n", "a: on\n\t\nb: 1\n"])
def test_a_tab_that_indents_is_refused_as_kustomize_does(text: str) -> None:
    with pytest.raises(DocumentError, match="it is not YAML"):
        get(text, at("a"))
