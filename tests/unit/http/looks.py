"""Builds observations and inspections for tests of an environment's components in the API."""

from datetime import datetime, timedelta
from typing import Any

from coppice.components.database import Database
from coppice.components.observed import Observed
from coppice.diagnostics.identity_chain import IdentityChain
from coppice.diagnostics.identity_checks import Finding
from coppice.diagnostics.inspection import Inspection, ObjectStatus
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Present
from tests.support.builders import applied, namespace_for, noting, record_of, sight
from tests.support.config import key
from tests.support.world import START

DEPLOYMENT = ObjectRef("apps/v1", "Deployment", "web")
JOB = ObjectRef("batch/v1", "Job", "migrate")
ROUTE = ObjectRef("gateway.networking.k8s.io/v1", "HTTPRoute", "web")
QUOTA = ObjectRef("v1", "ResourceQuota", "coppice-quota")
MONITOR = ObjectRef("azmonitoring.coreos.com/v1", "PodMonitor", "web")
VAULT = ObjectRef("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", "web")
LOGIN = ObjectRef("v1", "Secret", "branch-database")
ACCOUNT = ObjectRef("v1", "ServiceAccount", "postgres-service-account")
ALL = (DEPLOYMENT, ROUTE, QUOTA, MONITOR, VAULT, LOGIN, ACCOUNT)
DATABASE = Database(
    name="feature_x", oid=7, role=8, owner=key("x"), login="stamp-1", finished=True, sessions=0
)


def ago(hours: float) -> datetime:
    return START - timedelta(hours=hours)


def whole(**changes: Any) -> Observed:
    """Return the observed state of an environment that has every component."""
    record = record_of("x", inventory=ALL, database="feature_x", trusted_from=ago(5))
    namespace = namespace_for("x", applied(url="http://x.dev.example.com/"))
    usual: dict[str, Any] = {
        "records": noting(record),
        "namespace": Present(namespace),
        "database": Present(DATABASE),
    }
    return sight("x", **{**usual, **changes})


def looked(*refs: ObjectRef, identity_chains: tuple[IdentityChain, ...] = ()) -> Inspection:
    statuses = tuple(ObjectStatus(ref=ref, created=ago(len(ref.name))) for ref in refs)
    return Inspection(
        objects=Present(statuses),
        identity_chains=identity_chains,
        kept={"Secret/branch-database": "database"},
    )


def chain(broken: Finding | None = None) -> IdentityChain:
    """Return the identity chain of the environment's service account.

    Args:
        broken: the finding that breaks the chain; `None` if it is complete.
    """
    return IdentityChain(
        account="postgres-service-account",
        issuer="https://issuer/",
        subject="system:serviceaccount:feature-x:postgres-service-account",
        credential="credential/rg/id-0/coppice-x",
        identity="rg/id-0",
        client_id="client-0",
        named="client-0",
        broken=broken,
        classes={"vault": "client-0"},
    )
