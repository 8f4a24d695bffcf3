"""On bad evidence nothing is deleted: neither by a sweep nor by the run of a single branch.

Three environments stand, and the branch of one is really gone. All that is said is true, but for the one
answer that is not to be believed.
"""

import contextlib
from collections.abc import Iterator

import pytest

from tests.chaos.faults.bad_responses import (
    Evidence,
    cut_short,
    half_of_a_cluster_s_list,
    half_of_the_branches,
    page_of_a_proxy,
    refused,
    truth,
    with_json,
)
from tests.chaos.faults.laboratory import MESSAGE, SWEEP, Laboratory
from tests.chaos.faults.operations import (
    BRANCH,
    FORGOTTEN,
    FORGOTTENS,
    NEIGHBOUR,
    stand_with_one_forgotten,
)
from tests.chaos.faults.state import others, ours, standing
from tests.chaos.faults.world import QUEUES, Saved

REPOSITORY = "github: GET /repos/acme/todo-app"
BRANCHES = rf"{REPOSITORY}/branches\?"
RECORDS = "kubernetes: GET /api/v1/namespaces/coppice-system/configmaps"
NAMESPACES = r"kubernetes: GET /api/v1/namespaces\?"
A_NAMESPACE = "kubernetes: GET /api/v1/namespaces/feature-"
CREDENTIALS = r"arm: GET .*/federatedIdentityCredentials\?"
IDENTITY = "arm: GET .*/id-feature-2"
LIMIT = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "4102444800"}

nothing = with_json(lambda _: [])
no_items = with_json(lambda document: {**document, "items": []})
no_value = with_json(lambda _: {"value": []})

# What makes it impossible for a sweep to tell: then it lets nothing go, not even what is really due to go.
LISTS = [
    Evidence("GitHub lists no branch", BRANCHES, nothing),
    Evidence("GitHub's list of branches is cut short", BRANCHES, cut_short),
    Evidence("GitHub's second page is an error", BRANCHES, half_of_the_branches, refused("github", 500)),
    Evidence("GitHub's second page is missing", BRANCHES, half_of_the_branches, refused("github", 404)),
    Evidence("GitHub's second page is cut short", BRANCHES, half_of_the_branches, cut_short),
    Evidence("GitHub's second page is a proxy's", BRANCHES, half_of_the_branches, page_of_a_proxy(200)),
]
# What makes it impossible for a single run, too.
UNTELLING = [
    Evidence("GitHub does not know the repository", REPOSITORY, refused("github", 404)),
    Evidence("GitHub shows the repository and no branch of it", f"{REPOSITORY}/", refused("github", 404)),
    Evidence("GitHub does not know who asks", REPOSITORY, refused("github", 401)),
    Evidence("GitHub does not let in who asks", REPOSITORY, refused("github", 403)),
    Evidence("GitHub's rate limit is reached", REPOSITORY, refused("github", 403, **LIMIT)),
    Evidence("GitHub is asked too often", REPOSITORY, refused("github", 429)),
    Evidence("GitHub is out of order", REPOSITORY, refused("github", 503)),
    Evidence("a proxy says that there is no GitHub", REPOSITORY, page_of_a_proxy(404)),
    Evidence("the records are cut short", RECORDS, cut_short),
    Evidence(
        "the records' second page has expired", RECORDS, half_of_a_cluster_s_list, refused("kubernetes", 410)
    ),
    Evidence(
        "the records' second page is an error", RECORDS, half_of_a_cluster_s_list, refused("kubernetes", 500)
    ),
    Evidence("the records' second page is cut short", RECORDS, half_of_a_cluster_s_list, cut_short),
    Evidence(
        "the records' second page is a proxy's", RECORDS, half_of_a_cluster_s_list, page_of_a_proxy(200)
    ),
    Evidence("the records may not be read", RECORDS, refused("kubernetes", 403)),
    Evidence("there is no such list of records", RECORDS, refused("kubernetes", 404)),
    Evidence("a proxy says that there are no records", RECORDS, page_of_a_proxy(404)),
    Evidence("the credentials are cut short", CREDENTIALS, cut_short),
    Evidence("the credentials' second page is an error", CREDENTIALS, truth, refused("arm", 500)),
    Evidence("the credentials' second page is missing", CREDENTIALS, truth, refused("arm", 404)),
    Evidence("the credentials' second page is cut short", CREDENTIALS, truth, cut_short),
    Evidence("the credentials are missing, and their identity is not", CREDENTIALS, refused("arm", 404)),
    Evidence("the credentials may not be read", CREDENTIALS, refused("arm", 403)),
    Evidence("Azure is asked too often", "arm: ", refused("arm", 429)),
    Evidence("Azure does not know who asks", "arm: ", refused("arm", 401)),
    Evidence("the cluster does not tell its issuer", "arm: GET .*/managedClusters/", refused("arm", 404)),
]
# What is said in so many words, and only of some: then whatever lives is let live.
PARTIAL = [
    Evidence("GitHub's list lacks branches", BRANCHES, with_json(lambda found: found[-1:])),
    Evidence(
        "GitHub says of each branch that it is not there", f"{REPOSITORY}/branches/", refused("github", 404)
    ),
    Evidence("a proxy says so", f"{REPOSITORY}/branches/", page_of_a_proxy(404)),
    Evidence("there are no records", RECORDS, no_items),
    Evidence("there are no namespaces", NAMESPACES, no_items),
    Evidence(
        "the namespaces' second page has expired",
        NAMESPACES,
        half_of_a_cluster_s_list,
        refused("kubernetes", 410),
    ),
    Evidence(
        "the namespaces' second page is an error",
        NAMESPACES,
        half_of_a_cluster_s_list,
        refused("kubernetes", 500),
    ),
    Evidence("each namespace is not there", A_NAMESPACE, refused("kubernetes", 404)),
    Evidence("a proxy says that of each namespace", A_NAMESPACE, page_of_a_proxy(404)),
    Evidence("there are no credentials", CREDENTIALS, no_value),
    Evidence("an identity is not there", IDENTITY, refused("arm", 404)),
]


@pytest.fixture(scope="module")
def stood(lab: Laboratory) -> Iterator[Saved]:
    lab.begin()
    lab.world.arm.page_size = 1
    stand_with_one_forgotten(lab)
    yield lab.world.save()
    lab.world.arm.page_size = 5


def sweep(lab: Laboratory) -> None:
    """Look at all branches at once, and then at each that this found."""
    lab.run(SWEEP)
    lab.deliver_once()


def look_at_each(lab: Laboratory) -> None:
    """Look at each branch by itself."""
    for branch in (BRANCH, FORGOTTEN, NEIGHBOUR):
        lab.run(MESSAGE, lab.key(branch))


@contextlib.contextmanager
def believing(lab: Laboratory, evidence: Evidence) -> Iterator[None]:
    lab.world.edge.watch()
    lab.world.edge.liar = evidence
    try:
        yield
    finally:
        lab.world.edge.liar = lambda _: None
        lab.world.queues.clear(QUEUES[0])  # those that wait would only find the same
        lab.leave()


def deletions(lab: Laboratory) -> list[str]:
    asked = (str(call) for call in lab.world.edge.calls if call.method == "DELETE")
    return [each for each in asked if "/leases/" not in each]


@pytest.mark.parametrize("evidence", [*LISTS, *UNTELLING], ids=lambda each: each.name)
def test_a_sweep_that_cannot_tell_lets_nothing_be_deleted(
    lab: Laboratory, stood: Saved, evidence: Evidence
) -> None:
    lab.world.restore(stood)
    before = ours(lab.world), others(lab.world)

    with believing(lab, evidence):
        sweep(lab)

    assert deletions(lab) == []
    assert (ours(lab.world), others(lab.world)) == before


@pytest.mark.parametrize("evidence", UNTELLING, ids=lambda each: each.name)
def test_a_run_that_cannot_tell_deletes_nothing(lab: Laboratory, stood: Saved, evidence: Evidence) -> None:
    lab.world.restore(stood)
    before = ours(lab.world), others(lab.world)

    with believing(lab, evidence):
        look_at_each(lab)

    assert deletions(lab) == []
    assert (ours(lab.world), others(lab.world)) == before


@pytest.mark.parametrize("evidence", PARTIAL, ids=lambda each: each.name)
def test_what_lives_is_let_live_whatever_is_said_of_it(
    lab: Laboratory, stood: Saved, evidence: Evidence
) -> None:
    lab.world.restore(stood)
    before = standing(lab.world)

    with believing(lab, evidence):
        look_at_each(lab)
        sweep(lab)

    lost = before - standing(lab.world)
    assert [each for each in lost if FORGOTTENS not in each] == []


def test_once_everything_can_be_told_what_is_really_gone_goes(lab: Laboratory, stood: Saved) -> None:
    lab.world.restore(stood)
    before = standing(lab.world)

    sweep(lab)
    lab.leave()

    lost = before - standing(lab.world)
    assert f"namespaces//{FORGOTTENS}" in {each.partition(" ")[0] for each in lost}
    assert [each for each in lost if FORGOTTENS not in each] == []
