import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools import TAG, Autoscaler, Pool, Shape, Snapshot

counts = st.integers(0, 1000)
snapshots = st.builds(Snapshot, counts, st.none() | st.builds(Autoscaler, counts, counts))


@given(snapshots)
def test_a_snapshot_is_read_as_it_was_written(snapshot: Snapshot) -> None:
    assert Snapshot.parse(str(snapshot)) == snapshot


@given(snapshots)
def test_a_snapshot_fits_a_tag(snapshot: Snapshot) -> None:
    """https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations."""
    assert len(str(snapshot)) <= 256
    assert not set(TAG) & set(r"<>%&\?/")


@pytest.mark.parametrize(
    "text", ["", "2", "count=", "count=2,min=1", "count=2,max=3,min=1", "count=-1", "count=2 "]
)
def test_a_tag_of_another_form_is_no_snapshot(text: str) -> None:
    assert Snapshot.parse(text) is None


@pytest.mark.parametrize(
    ("snapshot", "nodes"),
    [
        (Snapshot(2, Autoscaler(1, 3)), 2),
        (Snapshot(1, Autoscaler(2, 3)), 2),
        (Snapshot(0, Autoscaler(0, 3)), 1),
        (Snapshot(0, None), 1),
        (Snapshot(4, None), 4),
    ],
)
def test_a_pool_wakes_with_its_old_count_its_minimum_or_one(snapshot: Snapshot, nodes: int) -> None:
    assert snapshot.awake_count == nodes


@pytest.mark.parametrize(
    ("state", "busy"),
    [
        ("Succeeded", False),
        ("Failed", False),
        ("Canceled", False),
        ("Updating", True),
        ("Upgrading", True),
        ("", True),
    ],
)
def test_an_unknown_provisioning_state_is_busy(state: str, busy: bool) -> None:
    assert Pool(name="dev", mode="User", shape=Shape(1, None), provisioning_state=state, etag="").busy is busy


@pytest.mark.parametrize(
    ("after", "description"),
    [
        (Shape(2, Autoscaler(1, 3)), "once more"),
        (Shape(2, None), "autoscaler off"),
        (Shape(2, Autoscaler(1, 5)), "autoscaler 1 to 5"),
        (Shape(0, Autoscaler(1, 3)), "count 2 to 0"),
        (Shape(2, Autoscaler(1, 3), "count=2"), "remember count=2"),
    ],
)
def test_a_change_describes_the_differences(after: Shape, description: str) -> None:
    assert Shape(2, Autoscaler(1, 3)).differences(after) == description
    assert Shape(1, None, "count=2").differences(Shape(1, None)) == "forget what it was"
