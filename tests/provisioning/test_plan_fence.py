"""The fence comes before the overlay; where it stands by now, they come side by side, and pods after both."""

from dataclasses import replace

import pytest

from branches.application import Apply, reference
from branches.books import ObjectRef
from branches.observe import Observed
from branches.survey import Survey
from branches.wanted import Present
from loop.plan import Wave
from loop.reading import Absent, Standing
from provisioning.desired import Desired
from provisioning.plan import plan
from provisioning.secrets import VaultTerms
from tests.fakes.manifests import config_map, deployment
from tests.fakes.program import RULES
from tests.fakes.sights import COMMIT, namespace_for, noting, record_of, sight
from tests.fakes.world import START

QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "coppice-quota"}}
STANDS = (reference(QUOTA), ObjectRef("v1", "ConfigMap", "settings"))


def applied(seen: Observed) -> list[list[str]]:
    """The objects that are applied, wave by wave."""
    wish = Desired(
        manifests=(config_map("settings"), deployment("web")),
        namespace_labels={},
        hosts=(),
        url="",
        tenant="tenant",
        vaults=VaultTerms(vaults=(), objects=()),
        fence=(QUOTA,),
    )
    around = Survey(
        assigned=Standing({"": "rg/id-0"}),
        clients=Standing({"rg/id-0": "client"}),
        environments=Standing(1),
        hosts=Standing({}),
        noted=Standing(()),
    )
    due = Present(COMMIT, due="pushed")
    planned = plan(seen, due, desired=wish, survey=around, rules=RULES, now=START)
    waves = [
        [each.target for each in item.changes if isinstance(each, Apply)]
        for item in planned.items
        if isinstance(item, Wave)
    ]
    return [each for each in waves if each]


def test_where_the_fence_stands_it_is_mended_side_by_side_with_what_pods_need() -> None:
    seen = sight(books=noting(record_of("x", inventory=STANDS)))
    assert applied(seen) == [["ResourceQuota/coppice-quota", "ConfigMap/settings"], ["Deployment/web"]]


@pytest.mark.parametrize(
    "seen",
    [
        sight(),
        sight(books=noting(record_of("x", inventory=STANDS)), namespace=Absent()),
        sight(
            books=noting(record_of("x", inventory=STANDS)),
            namespace=Standing(replace(namespace_for("x"), annotations={})),
        ),
    ],
    ids=["it has not been applied yet", "the namespace is gone", "the first application was cut short"],
)
def test_else_it_comes_first(seen: Observed) -> None:
    assert applied(seen) == [["ResourceQuota/coppice-quota"], ["ConfigMap/settings"], ["Deployment/web"]]
