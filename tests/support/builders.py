"""Builds observed state. The default is a healthy environment, and a test overrides what it needs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from coppice.components.federated_identity import Credential
from coppice.components.namespace import READY, Applied, Namespace, claim, labels
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.slots import States
from coppice.environment.naming import credential_name, subject
from coppice.environment.records import BranchRecords, Record, Request, Stall, rendering
from coppice.environment.references import CredentialRef, ObjectRef
from coppice.reconciler.observation import Absent, Present
from tests.support.azure import ISSUER
from tests.support.config import CONFIG, key
from tests.support.world import START

COMMIT = "a" * 40
SETTINGS = ObjectRef("v1", "ConfigMap", "settings")


def record_of(branch: str, **changes: Any) -> Record:
    """Return the record of a branch's environment."""
    name = CONFIG.name(branch)
    record = Record(
        key=key(branch),
        slug=name.slug,
        namespace=name.namespace,
        identities={"": "rg/id-0"},
        credentials=(CredentialRef("rg/id-0", f"coppice-{name.slug}"),),
        rendered=rendering(COMMIT, CONFIG.digest),
        inventory=(SETTINGS,),
        version="1",
    )
    return replace(record, **changes)


def applied(**changes: Any) -> Applied:
    """Return the result of an overlay that was applied an hour ago and is ready."""
    applied_result = Applied(
        revision=COMMIT,
        digest=CONFIG.digest,
        asked="",
        at=START - timedelta(hours=1),
        result=READY,
        since=START - timedelta(hours=1),
    )
    return replace(applied_result, **changes)


def namespace_for(branch: str, applied_result: Applied | None = None, **changes: Any) -> Namespace:
    """Return the namespace of a branch's environment."""
    name = CONFIG.name(branch)
    annotations = {
        **claim(key(branch), {"": "rg/id-0"}),
        **(applied_result or applied()).annotations(),
    }
    namespace = Namespace(
        name=name.namespace,
        uid="uid-1",
        version="1",
        labels=labels(name, further=CONFIG.labels, overlay={}),
        annotations=annotations,
    )
    return replace(namespace, **changes)


def credential_of(branch: str, **changes: Any) -> Credential:
    """Return the credential of a branch's environment."""
    name, account = CONFIG.name(branch), "postgres-service-account"
    credential = Credential(
        identity="rg/id-0",
        name=credential_name(name.slug, account, prefix="coppice-", sole=True),
        issuer=ISSUER,
        subject=subject(name.namespace, account),
    )
    return replace(credential, **changes)


def request_of(
    branch: str, action: Any, commit: str = COMMIT, at: str = "2026-03-02T08:59:00+00:00"
) -> Request:
    """Return a person's request for a branch."""
    slug = CONFIG.name(branch).slug
    return Request(key=key(branch), slug=slug, action=action, commit=commit, at=at, version="1")


def stall_of(**changes: Any) -> Stall:
    """Return the stall of an overlay that was refused an hour ago."""
    stall = Stall(
        commit=COMMIT,
        digest=CONFIG.digest,
        asked="",
        at=START - timedelta(hours=1),
        why="apps/Deployment web: is privileged",
    )
    return replace(stall, **changes)


def sight(branch: str = "x", /, **changes: Any) -> Observed:
    """Return the observed state of a healthy environment.

    Args:
        branch: the branch.
        changes: fields of the observed state to replace; a component's name replaces the component's reading.
    """
    stand = {each.state.name: changes.pop(each.state.name, Absent()) for each in COMPONENTS}
    observed = Observed(
        key=key(branch),
        name=CONFIG.name(branch),
        default_branch="main",
        head=Present(COMMIT),
        records=Present(BranchRecords(record_of(branch))),
        namespace=Present(namespace_for(branch)),
        credentials=Present((credential_of(branch),)),
        components=States(stand),
        issuer=ISSUER,
        removed=Present(()),
    )
    return replace(observed, **changes)


def noting(record: Record | None, request: Request | None = None) -> Present[BranchRecords]:
    """Return the reading of a branch's record and request."""
    return Present(BranchRecords(record, request))
