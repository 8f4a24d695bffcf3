"""How far a rollout has come is said by the number that is behind."""

import pytest

from coppice.components.rollout import Rollout, Workload
from coppice.environment.references import ObjectRef

DEPLOYMENT = ObjectRef("apps/v1", "Deployment", "web")


def behind(*, generation: int = 2, updated: int = 2, available: int = 2) -> str:
    workload = Workload(
        ref=DEPLOYMENT,
        generation=generation,
        observed_generation=2,
        desired=2,
        updated=updated,
        available=available,
    )
    assert not workload.ready
    return Rollout(workloads=(workload,)).why


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (behind(available=1), "Deployment/web 1/2"),
        (behind(updated=1, available=1), "Deployment/web 1/2"),
        (behind(updated=1), "Deployment/web 1/2 updated"),
        (behind(generation=3), "Deployment/web: its controller has not looked at its latest generation yet"),
    ],
)
def test_a_rollout_says_what_is_behind(said: str, why: str) -> None:
    assert said == why
