"""What an explanation sees of objects: that they stand, and since when."""

import pytest

from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_status import ObjectStatusAdapter
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Forbidden
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster
from tests.unit.provisioning.identity_manifests import mounting, provider

CLASSES = "secrets-store.csi.x-k8s.io/v1"
ACCOUNT = ObjectRef("v1", "ServiceAccount", "web")
SECRET = ObjectRef("v1", "Secret", "login")


@pytest.fixture
def reader(cluster: Cluster) -> ObjectStatusAdapter:
    cluster.namespace("x")
    return ObjectStatusAdapter(cluster.api, Discovery(cluster.api), SecretProbeAdapter(cluster.api))


def test_the_objects_that_stand_are_told_with_their_age_and_nothing_that_they_hold(
    cluster: Cluster, reader: ObjectStatusAdapter
) -> None:
    account = {"metadata": {"name": "web", "annotations": {ANNOTATION: "client-1"}}}
    secret = {
        "metadata": {"name": "login", "annotations": {ANNOTATION: "x"}},
        "stringData": {"password": "p"},
    }
    cluster.made("/api/v1/namespaces/x/serviceaccounts", account)
    cluster.made("/api/v1/namespaces/x/secrets", secret)
    others = [ObjectRef("v1", "Secret", "other"), ObjectRef("example.com/v1", "Thing", "x")]

    found = reader.statuses("x", [ACCOUNT, *others, SECRET])

    assert [(each.ref, each.client_id) for each in found] == [(ACCOUNT, "client-1"), (SECRET, "")]
    stands = cluster.standing("/api/v1/namespaces/x/serviceaccounts/web")["metadata"]
    assert found[0].created is not None
    assert found[0].created.isoformat().replace("+00:00", "Z") == stands["creationTimestamp"]


def test_a_class_is_told_with_the_client_id_and_the_tenant_that_the_driver_reads(
    cluster: Cluster, reader: ObjectStatusAdapter
) -> None:
    classes: dict[str, dict[str, str]] = {
        "new": {"clientID": "client-1", "tenantID": "tenant-1", "tenantId": "older"},
        "old": {"clientID": "client-2", "tenantId": "tenant-2"},
        "empty": {},
    }
    for name, parameters in classes.items():
        cluster.made(f"/apis/{CLASSES}/namespaces/x/secretproviderclasses", provider(name, **parameters))

    found = reader.statuses("x", [ObjectRef(CLASSES, "SecretProviderClass", name) for name in classes])

    assert [(each.ref.name, each.client_id, each.tenant) for each in found] == [
        ("new", "client-1", "tenant-1"),
        ("old", "client-2", "tenant-2"),
        ("empty", "", ""),
    ]


def test_what_makes_pods_is_told_with_their_account_and_the_classes_that_they_mount(
    cluster: Cluster, reader: ObjectStatusAdapter
) -> None:
    cluster.made("/apis/apps/v1/namespaces/x/deployments", mounting("Deployment", "web", "api", "new"))
    cluster.made("/apis/batch/v1/namespaces/x/cronjobs", mounting("CronJob", "nightly", "jobs", "new"))
    cluster.made("/api/v1/namespaces/x/configmaps", {"metadata": {"name": "settings"}, "data": {"a": "b"}})

    found = reader.statuses(
        "x",
        [
            ObjectRef("apps/v1", "Deployment", "web"),
            ObjectRef("batch/v1", "CronJob", "nightly"),
            ObjectRef("v1", "ConfigMap", "settings"),
        ],
    )

    assert [(each.ref.name, each.account, each.mounted) for each in found] == [
        ("web", "api", ("new",)),
        ("nightly", "jobs", ("new",)),
        ("settings", "", ()),
    ]


def test_looking_changes_nothing(cluster: Cluster, reader: ObjectStatusAdapter) -> None:
    cluster.made("/api/v1/namespaces/x/secrets", {"metadata": {"name": "login"}})
    before = cluster.standing("/api/v1/namespaces/x/secrets/login")

    reader.statuses("x", [SECRET])

    assert cluster.standing("/api/v1/namespaces/x/secrets/login") == before


def test_an_object_that_cannot_be_read_is_not_absent(cluster: Cluster, reader: ObjectStatusAdapter) -> None:
    cluster.emulator.fail(Fail(status=403, path_prefix="/api/v1/namespaces/x/secrets"))
    with pytest.raises(Forbidden):
        reader.statuses("x", [SECRET])
