from dataclasses import replace
from typing import Any

import pytest

from provisioning.admission import AdmissionPolicy, check_objects
from tests.unit.provisioning.admission.conftest import POLICY

KINDS = {"ConfigMap", "LimitRange", "ResourceQuota", "Secret", "networking.k8s.io/NetworkPolicy"}
WITH_DATABASE = replace(POLICY, allowed_kinds=POLICY.allowed_kinds | KINDS, database_secret="branch-database")
PROVIDER = ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass")


def refused(
    version: str, kind: str, name: str, *, policy: AdmissionPolicy = WITH_DATABASE, **fields: Any
) -> str:
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}
    return "; ".join(map(str, check_objects([obj], policy)))


@pytest.mark.parametrize(
    ("version", "kind"),
    [("v1", "ResourceQuota"), ("v1", "LimitRange"), ("networking.k8s.io/v1", "NetworkPolicy")],
)
def test_the_names_of_the_fence_are_its_own(version: str, kind: str) -> None:
    assert "names that begin with coppice- are those of the environment's fence" in refused(
        version, kind, "coppice-quota"
    )
    assert "the environment's fence" in refused(version, kind, "coppice-whatever-comes")
    assert refused(version, kind, "quota") == ""
    assert refused(version, kind, "my-coppice-quota") == ""


def test_other_kinds_may_be_called_so() -> None:
    assert refused("v1", "ConfigMap", "coppice-quota") == ""


def test_the_secret_of_the_databases_login_is_not_the_overlays() -> None:
    assert "Secret branch-database: the database's login is delivered" in refused(
        "v1", "Secret", "branch-database"
    )
    assert refused("v1", "Secret", "other") == ""
    assert refused("v1", "ConfigMap", "branch-database") == ""


def test_the_driver_does_not_write_it_either() -> None:
    def provider(name: str) -> str:
        synced = [{"secretName": "other"}, {"secretName": name}]
        return refused(*PROVIDER, "vault", spec={"provider": "azure", "secretObjects": synced})

    assert "its secretObjects would write the Secret branch-database" in provider("branch-database")
    assert "secretObjects" not in provider("yet-another")


def test_without_a_database_there_is_no_such_name() -> None:
    none = replace(WITH_DATABASE, database_secret="")
    assert refused("v1", "Secret", "branch-database", policy=none) == ""
    unnamed = {"provider": "azure", "secretObjects": [{"type": "Opaque"}]}
    assert "database" not in refused(*PROVIDER, "vault", policy=none, spec=unnamed)


def test_what_cannot_be_read_is_refused() -> None:
    assert "secretObjects must be a list" in refused(
        *PROVIDER, "vault", spec={"secretObjects": "branch-database"}
    )
