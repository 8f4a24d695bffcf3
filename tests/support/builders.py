"""One look at a branch, put together by hand: an environment that is well, unless a test says otherwise."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from coppice.components.federated_identity import Credential
from coppice.components.namespace import READY, Applied, Namespace, claim, labels
from coppice.environment.naming import credential_name, subject
from coppice.environment.records import Books, CredentialRef, ObjectRef, Record, Request, Stall, rendering
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import Standing
from tests.support.azure import ISSUER
from tests.support.config import RULES, key
from tests.support.world import START

COMMIT = "a" * 40
SETTINGS = ObjectRef("v1", "ConfigMap", "settings")


def record_of(branch: str, **changes: Any) -> Record:
    """The record of a branch's environment."""
    name = RULES.name(branch)
    record = Record(
        key=key(branch),
        slug=name.slug,
        namespace=name.namespace,
        identities={"": "rg/id-0"},
        credentials=(CredentialRef("rg/id-0", f"coppice-{name.slug}"),),
        rendered=rendering(COMMIT, RULES.digest),
        inventory=(SETTINGS,),
        version="1",
    )
    return replace(record, **changes)


def applied(**changes: Any) -> Applied:
    """What is noted of an overlay that has been applied an hour ago and is up."""
    noted = Applied(
        revision=COMMIT,
        digest=RULES.digest,
        asked="",
        at=START - timedelta(hours=1),
        result=READY,
        since=START - timedelta(hours=1),
    )
    return replace(noted, **changes)


def namespace_for(branch: str, noted: Applied | None = None, **changes: Any) -> Namespace:
    """The namespace of a branch's environment."""
    name = RULES.name(branch)
    annotations = {
        **claim(key(branch), {"": "rg/id-0"}),
        **(noted or applied()).annotations(),
    }
    namespace = Namespace(
        name=name.namespace,
        uid="uid-1",
        version="1",
        labels=labels(name, further=RULES.labels, overlay={}),
        annotations=annotations,
    )
    return replace(namespace, **changes)


def credential_of(branch: str, **changes: Any) -> Credential:
    """The credential of a branch's environment."""
    name, account = RULES.name(branch), "postgres-service-account"
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
    """What a person asked for."""
    slug = RULES.name(branch).slug
    return Request(key=key(branch), slug=slug, action=action, commit=commit, at=at, version="1")


def stall_of(**changes: Any) -> Stall:
    """A refusal an hour ago."""
    stall = Stall(
        commit=COMMIT,
        digest=RULES.digest,
        asked="",
        at=START - timedelta(hours=1),
        why="apps/Deployment web: is privileged",
    )
    return replace(stall, **changes)


def sight(branch: str = "x", /, **changes: Any) -> Observed:
    """An environment that is well."""
    seen = Observed(
        key=key(branch),
        name=RULES.name(branch),
        default_branch="main",
        head=Standing(COMMIT),
        books=Standing(Books(record_of(branch))),
        namespace=Standing(namespace_for(branch)),
        credentials=Standing((credential_of(branch),)),
        issuer=ISSUER,
        leaving=Standing(()),
    )
    return replace(seen, **changes)


def noting(record: Record | None, request: Request | None = None) -> Standing[Books]:
    """Books that were read."""
    return Standing(Books(record, request))
