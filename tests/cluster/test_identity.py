"""Identity, proved by a real token: the API server mints it, and Entra's emulator believes what it can read.

It reads the keys that the cluster publishes, and the credentials that the program wrote to ARM.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import httpx
import pytest

from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.reconciler.outcome import Done
from devtools.cluster.connection import merge
from devtools.emulators.arm.world import example_world
from devtools.emulators.entra.app import EntraState, entra_app
from devtools.emulators.entra.directory import Directory
from devtools.emulators.entra.issuers import issuer_served_by
from devtools.emulators.serving import serving
from tests.cluster.identity import ACCOUNT, Stage, code, forged
from tests.cluster.program import running_program

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

# An identity without any credential has a number of its own.
NOBODY = {700213, 70025}


@pytest.fixture(scope="module")
def stage(kubeconfig: Path, api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder, world, issuer = tmp_path_factory.mktemp("identity"), example_world(), issuer_served_by(api)
    with running_program(kubeconfig, folder) as program:
        settings = program.composition.settings
        # The cluster's own issuer, two identities to spread over, and credentials that are trusted at once.
        program.composition.settings = settings.model_copy(
            update={
                "aks_oidc_issuer_url": issuer,
                "workload_identities": tuple(
                    f"{each.resource_group}/{each.name}" for each in world.identities
                ),
                "credential_settle_seconds": 0,
            }
        )
        state = EntraState(
            tenant=world.tenant,
            directory=Directory(
                arm=settings.azure_resource_manager_url,
                subscription=world.subscription,
                groups=world.resource_groups,
            ),
            issuers={issuer: api},
        )
        with serving(entra_app(state)) as entra:
            made = Stage(program=program, api=api, entra=entra, tenant=world.tenant, folder=folder)
            state.clock = lambda: datetime.now(UTC) + made.late
            yield made


@pytest.fixture(scope="module")
def environment(stage: Stage) -> Iterator[str]:
    with stage.environment("ours") as namespace:
        yield namespace


@pytest.fixture
def later(stage: Stage) -> Iterator[Callable[[timedelta], None]]:
    yield lambda late: setattr(stage, "late", late)
    stage.late = timedelta(0)


def test_a_token_of_the_environments_service_account_gets_in_as_the_identity_it_names(
    stage: Stage, environment: str
) -> None:
    assert stage.number(stage.token(environment), stage.client_id(environment)) == 0


def test_the_token_of_another_environment_does_not_get_in(stage: Stage, environment: str) -> None:
    with stage.environment("theirs") as neighbour:
        ours, theirs = stage.client_id(environment), stage.client_id(neighbour)
        assert ours != theirs

        assert stage.number(stage.token(neighbour), ours) == 700213
        assert stage.number(stage.token(environment), theirs) == 700213
        assert stage.number(stage.token(neighbour), theirs) == 0


def test_no_other_service_account_gets_in(stage: Stage, environment: str, namespace: str) -> None:
    ours = stage.client_id(environment)
    stage.api.post(
        f"/api/v1/namespaces/{namespace}/serviceaccounts", json={"metadata": {"name": ACCOUNT}}
    ).raise_for_status()

    assert stage.number(stage.token(environment, "default"), ours) == 700213
    assert stage.number(stage.token(namespace), ours) == 700213


def test_an_expired_token_does_not_get_in(
    stage: Stage, environment: str, later: Callable[[timedelta], None]
) -> None:
    token, ours = stage.token(environment), stage.client_id(environment)

    later(timedelta(seconds=590))
    assert stage.number(token, ours) == 0
    later(timedelta(seconds=610))
    assert stage.number(token, ours) == 700024


def test_a_token_for_another_audience_does_not_get_in(stage: Stage, environment: str) -> None:
    token = stage.token(environment, audience="https://kubernetes.default.svc")

    assert stage.number(token, stage.client_id(environment)) == 700212


def test_a_token_that_was_changed_does_not_get_in(stage: Stage, environment: str, namespace: str) -> None:
    ours, subject = stage.client_id(environment), f"system:serviceaccount:{environment}:{ACCOUNT}"
    prolonged = forged(stage.token(environment), exp=int(datetime.now(UTC).timestamp()) + 86400)
    passed_off = forged(stage.token(namespace, "default"), sub=subject)

    assert stage.number(prolonged, ours) == 700027
    assert stage.number(passed_off, ours) == 700027


def test_after_the_branch_has_gone_nobody_gets_in_with_a_token_that_is_still_valid(
    stage: Stage, environment: str
) -> None:
    with stage.environment("first") as first, stage.environment("second") as second:
        clients = {each: stage.client_id(each) for each in (first, second, environment)}
        # Of three environments on two identities, two share one.
        leaving, staying = next(
            pair for pair in combinations(clients, 2) if len({*map(clients.get, pair)}) == 1
        )
        shared, token = clients[leaving], stage.token(leaving)
        assert stage.number(token, shared) == 0

        stage.remove(leaving.removeprefix("feature-"))

        assert stage.number(token, shared) == 700213
        assert stage.number(stage.token(staying), shared) == 0


def test_the_chain_says_where_it_breaks_when_entra_does_not(stage: Stage) -> None:
    with stage.environment("broken") as broken:
        whole, client_id = stage.chain("broken"), stage.client_id(broken)
        assert (whole.broken, whole.named, whole.client_id) == (None, client_id, client_id)

        stage.lose(whole.credential)
        assert stage.number(stage.token(broken), client_id) in NOBODY
        assert code(stage.chain("broken")) == "no_credential"
        assert isinstance(stage.program.settle("broken"), Done)
        assert stage.number(stage.token(broken), client_id) == 0
        assert code(stage.chain("broken")) == ""

        account = f"/api/v1/namespaces/{broken}/serviceaccounts/{ACCOUNT}"
        other = next(each.client_id for each in example_world().identities if each.client_id != client_id)
        changed = {"metadata": {"annotations": {ANNOTATION: other}}}
        assert merge(stage.api, account, changed).is_success
        assert stage.number(stage.token(broken), stage.client_id(broken)) in NOBODY
        assert code(stage.chain("broken")) == "other_client_id"


# Last: it takes away what the tests above share.
def test_after_the_last_branch_has_gone_the_identity_trusts_nobody(stage: Stage, environment: str) -> None:
    token, ours = stage.token(environment), stage.client_id(environment)

    stage.remove("ours")

    assert stage.number(token, ours) == 70025
