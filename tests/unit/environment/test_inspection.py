from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from coppice.components.namespace import Namespace
from coppice.components.observed import Observed
from coppice.diagnostics.inspection import Inspection, ObjectStatus, inspect_branch
from coppice.environment.config import DatabaseConfig, EnvironmentConfig
from coppice.environment.records import Record
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Failure, Forbidden, Unreachable
from coppice.reconciler.observation import Absent, Present, Reading, Unknown
from tests.support.azure import Identities
from tests.support.builders import SETTINGS, credential_of, namespace_for, noting, record_of, sight
from tests.support.config import CONFIG
from tests.support.world import START, World

ACCOUNT = ObjectRef("v1", "ServiceAccount", "postgres-service-account")


@dataclass
class Objects:
    """A namespace with some objects in it."""

    stand: tuple[ObjectStatus, ...] = (
        ObjectStatus(ref=SETTINGS, created=START),
        ObjectStatus(ref=ACCOUNT, created=START, client_id="client-of-rg/id-0"),
    )
    fails: Failure | None = None
    asked: list[tuple[str, tuple[ObjectRef, ...]]] = field(default_factory=list)

    def statuses(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        self.asked.append((namespace, tuple(refs)))
        if self.fails:
            raise self.fails
        return tuple(each for each in self.stand if each.ref in self.asked[-1][1])


def world() -> World:
    """Two identities, the first of which lets branch `x` in."""
    made = World(identities={ref: f"client-of-{ref}" for ref in CONFIG.pools[""]})
    made.add_credential(credential_of("x"))
    return made


def look(
    observed: Observed,
    *,
    objects: Objects | None = None,
    config: EnvironmentConfig = CONFIG,
    at: World | None = None,
) -> Inspection:
    return inspect_branch(
        observed, config=config, identities=Identities(at or world()), objects=objects or Objects(), now=START
    )


def test_it_shows_the_objects_of_the_inventory_and_a_chain_that_holds() -> None:
    objects = Objects()

    found = look(sight("x"), objects=objects)

    assert objects.asked == [("feature-x", (SETTINGS, ACCOUNT))]
    assert found.objects == Present(objects.stand)
    (chain,) = found.identity_chains
    assert (chain.credential, chain.client_id, chain.broken) == (
        "credential/rg/id-0/coppice-x",
        "client-of-rg/id-0",
        None,
    )


def test_a_class_belongs_to_the_account_of_the_pods_that_mount_it() -> None:
    """Here the account names the right identity and the class, as which the driver signs in, does not."""
    vault = ObjectRef("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", "vault")
    web = ObjectRef("apps/v1", "Deployment", "web")
    stand = (
        ObjectStatus(ref=ACCOUNT, created=START, client_id="client-of-rg/id-0"),
        ObjectStatus(ref=vault, created=START, client_id="client-of-rg/id-1", tenant=CONFIG.tenant),
        ObjectStatus(ref=web, created=START, account=ACCOUNT.name, mounted=("vault",)),
    )

    observed = sight("x", records=noting(record_of("x", inventory=(vault, web))))
    (chain,) = look(observed, objects=Objects(stand=stand)).identity_chains

    assert chain.classes == {"vault": "client-of-rg/id-1"}
    assert chain.broken is not None
    assert chain.broken.code == "other_class"


def test_a_service_account_that_does_not_stand_or_was_not_read_breaks_its_chain() -> None:
    lost = look(sight("x"), objects=Objects(stand=()))
    unread = look(sight("x"), objects=Objects(fails=Forbidden("grant the role")))

    assert [
        each.broken.code for found in (lost, unread) for each in found.identity_chains if each.broken
    ] == [
        "no_account",
        "unread",
    ]
    assert isinstance(unread.objects, Unknown)


def test_one_identity_that_is_gone_hides_no_other() -> None:
    at = world()
    del at.identities["rg/id-1"]

    (chain,) = look(sight("x"), at=at).identity_chains

    assert chain.broken is None


@pytest.mark.parametrize("namespace", [Absent(), Present(namespace_for("y", name="feature-x"))])
def test_in_a_namespace_that_is_not_there_or_anothers_nothing_is_looked_at(
    namespace: Reading[Namespace],
) -> None:
    objects = Objects()

    found = look(sight("x", namespace=namespace), objects=objects)

    assert (found.objects, objects.asked) == (Present(()), [])


def test_a_namespace_that_was_not_read_is_not_an_empty_one() -> None:
    unread = Unknown(Unreachable("reset"))

    assert look(sight("x", namespace=unread)).objects == unread


@pytest.mark.parametrize("record", [None, record_of("feature/x")])
def test_without_a_record_of_its_own_a_branch_has_no_chain(record: Record | None) -> None:
    at = world()

    found = look(sight("x", records=noting(record)), at=at)

    assert (found.identity_chains, at.calls) == ((), [])


def test_it_knows_the_name_of_the_secret_with_the_login() -> None:
    terms = DatabaseConfig(
        host="db.example", port=5432, template="", secret="branch-database", connections=20
    )

    assert look(sight("x")).kept == {}
    found = look(sight("x"), config=replace(CONFIG, databases=terms))
    assert found.kept == {"Secret/branch-database": "database"}
