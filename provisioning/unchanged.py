"""Finds the objects of an overlay that need not be applied again, because they are as they were applied last.

A push usually changes a few objects. The record holds a digest of each object as it was applied, so only
those are applied whose digest differs. What somebody changed by hand is corrected by the next apply of all
objects: after `REAPPLY_HOURS`, on request, when the settings change, and while the environment is not ready.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from coppice.components.application import Manifest, reference
from coppice.components.namespace import NOT_READY
from coppice.components.observed import Observed
from coppice.environment.config import EnvironmentConfig
from coppice.environment.references import ObjectRef
from coppice.lifecycle.decision import missing_workloads
from coppice.reconciler.observation import present
from provisioning.explicit_defaults import outright
from provisioning.renderer import Desired, route_hosts

# A Job that has run may have been deleted since, and then it has to run again. Of a Secret no digest is kept:
# a short value could be found by trying.
_ALWAYS = {"Job", "Secret"}


def applied_digests(observed: Observed, *, config: EnvironmentConfig, now: datetime) -> Mapping[str, str]:
    """Return the digests of the objects that are applied and need not be applied again.

    Args:
        observed: the branch.
        config: the configuration of all branch environments.
        now: the current time.

    Returns:
        Object → digest; empty if all objects have to be applied.
    """
    namespace, record = present(observed.namespace), observed.own_record
    applied = namespace.applied if namespace is not None else None
    if applied is None or record is None or record.whole_at is None:
        return {}
    holds = (
        digest_of(record.digests) == applied.objects,  # otherwise some of them may not have been applied
        applied.digest == config.digest,
        applied.result != NOT_READY,
        observed.recorded.asked in {"", applied.asked},
        record.undone != applied.at,
        now - record.whole_at < config.reapply_after,
        not missing_workloads(observed),
    )
    return record.digests if all(holds) else {}


def whole_at(observed: Observed, now: datetime) -> datetime:
    """Return the time that the record gives to an apply of all objects.

    An apply that has begun and was not completed keeps its time. Otherwise each look of it would write the
    record again.

    Args:
        observed: the branch.
        now: the current time.
    """
    namespace, before = present(observed.namespace), observed.record.whole_at
    applied = namespace.applied if namespace is not None else None
    begun = before is not None and (applied is None or before > applied.at)
    return before if before is not None and begun else now


def claims_hosts(observed: Observed, desired: Desired, *, config: EnvironmentConfig, now: datetime) -> bool:
    """Return whether routes with hosts have to be applied.

    Args:
        observed: the branch.
        desired: the overlay.
        config: the configuration of all branch environments.
        now: the current time.
    """
    routes = [outright(each) for each in desired.manifests if route_hosts(each)]
    return bool(changed(routes, applied_digests(observed, config=config, now=now)))


def digests_of(manifests: Iterable[Manifest]) -> dict[str, str]:
    """Return a digest of each object.

    Args:
        manifests: the objects, as they are to be applied.

    Returns:
        Object → digest.
    """
    return {_key(reference(each)): _digest(each) for each in manifests if each["kind"] not in _ALWAYS}


def digest_of(digests: Mapping[str, str]) -> str:
    """Return the digest that the namespace's annotations have of the digests of all objects."""
    return _digest(digests)


def changed(manifests: Iterable[Manifest], known: Mapping[str, str]) -> tuple[Manifest, ...]:
    """Return the objects that have to be applied.

    Jobs and Secrets are always applied.

    Args:
        manifests: the objects, as they are to be applied.
        known: the digests of the objects that need not be applied again.
    """
    return tuple(
        each
        for each in manifests
        if each["kind"] in _ALWAYS or known.get(_key(reference(each))) != _digest(each)
    )


def _key(ref: ObjectRef) -> str:
    return f"{ref.group}/{ref}" if ref.group else str(ref)


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
