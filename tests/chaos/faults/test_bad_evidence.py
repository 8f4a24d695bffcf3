"""On bad evidence nothing is deleted: neither by a sweep nor by the run of a single branch.

Three environments stand, and the branch of one is really gone. All that is said is true, but for the one
answer that is not to be believed.
"""

import contextlib
from collections.abc import Iterator

import pytest

from tests.chaos.faults.bad_responses import (
    Evidence,
    error_response,
    first_page_of_a_list,
    first_page_of_branches,
    html_response,
    true_response,
    truncated_response,
    with_json,
)
from tests.chaos.faults.laboratory import MESSAGE, SWEEP, Laboratory
from tests.chaos.faults.operations import (
    BRANCH,
    FORGOTTEN,
    FORGOTTEN_NAMESPACE,
    NEIGHBOUR,
    begin_with_one_orphan,
)
from tests.chaos.faults.state import existing_objects, others, ours
from tests.chaos.faults.world import QUEUES, Saved

REPOSITORY = "github: GET /repos/acme/todo-app"
BRANCHES = rf"{REPOSITORY}/branches\?"
REF, REFS = f"{REPOSITORY}/git/ref/", f"{REPOSITORY}/git/matching-refs/heads"
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
    Evidence("GitHub's list of branches is cut short", BRANCHES, truncated_response),
    Evidence(
        "GitHub's second page is an error", BRANCHES, first_page_of_branches, error_response("github", 500)
    ),
    Evidence(
        "GitHub's second page is missing", BRANCHES, first_page_of_branches, error_response("github", 404)
    ),
    Evidence("GitHub's second page is cut short", BRANCHES, first_page_of_branches, truncated_response),
    Evidence("GitHub's second page is a proxy's", BRANCHES, first_page_of_branches, html_response(200)),
]
# What makes it impossible for a single run, too.
INCONCLUSIVE = [
    Evidence("GitHub does not know the repository", REPOSITORY, error_response("github", 404)),
    Evidence(
        "GitHub shows the repository and no branch of it", f"{REPOSITORY}/", error_response("github", 404)
    ),
    Evidence("GitHub does not know who asks", REPOSITORY, error_response("github", 401)),
    Evidence("GitHub does not let in who asks", REPOSITORY, error_response("github", 403)),
    Evidence("GitHub's rate limit is reached", REPOSITORY, error_response("github", 403, **LIMIT)),
    Evidence("GitHub is asked too often", REPOSITORY, error_response("github", 429)),
    Evidence("GitHub is out of order", REPOSITORY, error_response("github", 503)),
    Evidence("a proxy says that there is no GitHub", REPOSITORY, html_response(404)),
    Evidence("GitHub's Git database is not available", f"{REPOSITORY}/git/", error_response("github", 409)),
    Evidence("GitHub lists no refs", REFS, nothing),
    Evidence("GitHub shows no refs", REFS, error_response("github", 404)),
    Evidence("GitHub's refs may not be read", REFS, error_response("github", 403)),
    Evidence("GitHub's refs are cut short", REFS, truncated_response),
    Evidence("GitHub's refs are a proxy's", REFS, html_response(200)),
    Evidence("GitHub's refs are no list", REFS, with_json(lambda _: {})),
    Evidence("a proxy says that there is no ref", f"{REPOSITORY}/git/", html_response(404)),
    Evidence("the records are cut short", RECORDS, truncated_response),
    Evidence(
        "the records' second page has expired",
        RECORDS,
        first_page_of_a_list,
        error_response("kubernetes", 410),
    ),
    Evidence(
        "the records' second page is an error",
        RECORDS,
        first_page_of_a_list,
        error_response("kubernetes", 500),
    ),
    Evidence("the records' second page is cut short", RECORDS, first_page_of_a_list, truncated_response),
    Evidence("the records' second page is a proxy's", RECORDS, first_page_of_a_list, html_response(200)),
    Evidence("the records may not be read", RECORDS, error_response("kubernetes", 403)),
    Evidence("there is no such list of records", RECORDS, error_response("kubernetes", 404)),
    Evidence("a proxy says that there are no records", RECORDS, html_response(404)),
    Evidence("the credentials are cut short", CREDENTIALS, truncated_response),
    Evidence(
        "the credentials' second page is an error", CREDENTIALS, true_response, error_response("arm", 500)
    ),
    Evidence(
        "the credentials' second page is missing", CREDENTIALS, true_response, error_response("arm", 404)
    ),
    Evidence("the credentials' second page is cut short", CREDENTIALS, true_response, truncated_response),
    Evidence(
        "the credentials are missing, and their identity is not", CREDENTIALS, error_response("arm", 404)
    ),
    Evidence("the credentials may not be read", CREDENTIALS, error_response("arm", 403)),
    Evidence("Azure is asked too often", "arm: ", error_response("arm", 429)),
    Evidence("Azure does not know who asks", "arm: ", error_response("arm", 401)),
    Evidence(
        "the cluster does not tell its issuer", "arm: GET .*/managedClusters/", error_response("arm", 404)
    ),
]
# What is said in so many words, and only of some: then whatever lives is let live.
PARTIAL = [
    Evidence("GitHub's list lacks branches", BRANCHES, with_json(lambda found: found[-1:])),
    Evidence("GitHub says of each branch that it is not there", REF, error_response("github", 404)),
    Evidence("a proxy says so", REF, html_response(404)),
    Evidence("GitHub's refs lack branches", REFS, with_json(lambda found: found[-1:])),
    Evidence("there are no records", RECORDS, no_items),
    Evidence("there are no namespaces", NAMESPACES, no_items),
    Evidence(
        "the namespaces' second page has expired",
        NAMESPACES,
        first_page_of_a_list,
        error_response("kubernetes", 410),
    ),
    Evidence(
        "the namespaces' second page is an error",
        NAMESPACES,
        first_page_of_a_list,
        error_response("kubernetes", 500),
    ),
    Evidence("each namespace is not there", A_NAMESPACE, error_response("kubernetes", 404)),
    Evidence("a proxy says that of each namespace", A_NAMESPACE, html_response(404)),
    Evidence("there are no credentials", CREDENTIALS, no_value),
    Evidence("an identity is not there", IDENTITY, error_response("arm", 404)),
]


@pytest.fixture(scope="module")
def three_environments(lab: Laboratory) -> Iterator[Saved]:
    lab.begin()
    lab.world.arm.page_size = 1
    begin_with_one_orphan(lab)
    yield lab.world.save()
    lab.world.arm.page_size = 5


def sweep(lab: Laboratory) -> None:
    """Look at all branches at once, and then at each that this found."""
    lab.run(SWEEP)
    lab.deliver_once()


def reconcile_each(lab: Laboratory) -> None:
    """Look at each branch by itself."""
    for branch in (BRANCH, FORGOTTEN, NEIGHBOUR):
        lab.run(MESSAGE, lab.key(branch))


@contextlib.contextmanager
def bad_response(lab: Laboratory, evidence: Evidence) -> Iterator[None]:
    lab.world.proxy.start_counting()
    lab.world.proxy.bad_response_for = evidence
    try:
        yield
    finally:
        lab.world.proxy.bad_response_for = lambda _: None
        lab.world.queues.clear(QUEUES[0])  # those that wait would only find the same
        lab.end_process()


def deletions(lab: Laboratory) -> list[str]:
    statement = (str(call) for call in lab.world.proxy.calls if call.method == "DELETE")
    return [each for each in statement if "/leases/" not in each]


@pytest.mark.parametrize("evidence", [*LISTS, *INCONCLUSIVE], ids=lambda each: each.name)
def test_a_sweep_that_cannot_tell_lets_nothing_be_deleted(
    lab: Laboratory, three_environments: Saved, evidence: Evidence
) -> None:
    lab.world.restore(three_environments)
    before = ours(lab.world), others(lab.world)

    with bad_response(lab, evidence):
        sweep(lab)

    assert deletions(lab) == []
    assert (ours(lab.world), others(lab.world)) == before


@pytest.mark.parametrize("evidence", INCONCLUSIVE, ids=lambda each: each.name)
def test_a_run_that_cannot_tell_deletes_nothing(
    lab: Laboratory, three_environments: Saved, evidence: Evidence
) -> None:
    lab.world.restore(three_environments)
    before = ours(lab.world), others(lab.world)

    with bad_response(lab, evidence):
        reconcile_each(lab)

    assert deletions(lab) == []
    assert (ours(lab.world), others(lab.world)) == before


@pytest.mark.parametrize("evidence", PARTIAL, ids=lambda each: each.name)
def test_what_lives_is_let_live_whatever_is_said_of_it(
    lab: Laboratory, three_environments: Saved, evidence: Evidence
) -> None:
    lab.world.restore(three_environments)
    before = existing_objects(lab.world)

    with bad_response(lab, evidence):
        reconcile_each(lab)
        sweep(lab)

    lost = before - existing_objects(lab.world)
    assert [each for each in lost if FORGOTTEN_NAMESPACE not in each] == []


def test_once_everything_can_be_told_what_is_really_gone_goes(
    lab: Laboratory, three_environments: Saved
) -> None:
    lab.world.restore(three_environments)
    before = existing_objects(lab.world)

    lab.run(SWEEP)
    lab.drain()  # what was deleted is waited for
    lab.end_process()

    lost = before - existing_objects(lab.world)
    assert f"namespaces//{FORGOTTEN_NAMESPACE}" in {each.partition(" ")[0] for each in lost}
    assert [each for each in lost if FORGOTTEN_NAMESPACE not in each] == []
