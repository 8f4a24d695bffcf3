import pytest

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Unknown, present, read


def test_a_look_that_succeeds_finds_a_value_or_its_absence() -> None:
    assert read(lambda: 7) == Present(7)
    assert read(lambda: None) == Absent()


@pytest.mark.parametrize("empty", [0, "", (), {}])
def test_what_is_empty_is_not_absent(empty: object) -> None:
    assert read(lambda: empty) == Present(empty)


def test_a_look_that_fails_is_neither() -> None:
    error = Unreachable("connection reset")

    def look() -> int:
        raise error

    assert read(look) == Unknown(error)
    assert present(read(look)) is None


def test_a_mistake_of_ours_is_not_taken_for_an_outage() -> None:
    with pytest.raises(KeyError):
        read(lambda: {"y": 1}["x"])
