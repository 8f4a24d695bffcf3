"""The parts of an environment as JSON, each with what stands of it, since when, and what is missing.

What stands was looked at just now: nothing is shown because it was once written down. Of a Secret nothing is
known here but its name.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coppice.components.database import why_taken
from coppice.components.namespace import Applied
from coppice.components.removal import Delete, Remove
from coppice.diagnostics.identity_chain import IdentityChain, own_record
from coppice.diagnostics.inspection import Inspection
from coppice.environment.records import Record
from coppice.lifecycle.decision import TearDown, Verdict, lost_parts
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import Unknown, present
from coppice.reconciler.plan import Change, Plan

PARTS = ("identity", "database", "application", "secrets", "monitoring", "address", "fence")
_KINDS = {
    "": {"namespace", "record", "request"},
    "identity": {"credential", "ServiceAccount"},
    "database": {"database"},
    "secrets": {"Secret", "SecretProviderClass"},
    "monitoring": {"PodMonitor", "ServiceMonitor"},
    # Those of Gateway API, and the policies of Application Gateway for Containers that are about them.
    "address": {
        "BackendLoadBalancingPolicy",
        "BackendTLSPolicy",
        "FrontendTLSPolicy",
        "GRPCRoute",
        "HTTPRoute",
        "HealthCheckPolicy",
        "Ingress",
        "RoutePolicy",
        "TLSRoute",
        "WebApplicationFirewallPolicy",
    },
    "fence": {"LimitRange", "NetworkPolicy", "ResourceQuota"},
}
_SHARED = "ConfigMap/kube-system/"


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What was found of one part.

    Args:
        stands: what stands.
        since: since when all of that does; `None` if nobody knows.
        lacks: what ought to stand and does not, and what keeps the rest from working.
    """

    stands: tuple[str, ...]
    since: datetime | None
    lacks: tuple[str, ...]


def parts(
    observed: Observed, verdict: Verdict, plan: Plan, closer: Inspection
) -> Mapping[str, Mapping[str, object]]:
    """Show every part of an environment.

    Args:
        observed: what was observed.
        verdict: what is wanted.
        plan: what would be done.
        closer: what a closer look has shown.

    Returns:
        By part: its state, what stands, since when, what is missing, and what a run would change of it now;
        with the identity the chain of each service account.
    """
    going, making = isinstance(verdict, TearDown), {each.target for each in plan.changes}
    shown = {
        part: _shown(
            _look(part, observed, closer, making),
            [each for each in plan.changes if _part_of(each.target, closer.login) == part],
            going=going,
        )
        for part in PARTS
    }
    return {
        **shown,
        "identity": {**shown["identity"], "chains": [_chain(each) for each in closer.identity_chains]},
    }


def _part_of(target: str, login: str) -> str:
    """The part that something belongs to, by its kind; the login alone is told by its name."""
    if target == login:
        return "database"
    if target.startswith(_SHARED):
        return "monitoring"
    kind = target.partition("/")[0]
    return next((part for part, kinds in _KINDS.items() if kind in kinds), "application")


def _look(part: str, observed: Observed, closer: Inspection, making: Container[str]) -> _Look | Unknown:
    if isinstance(closer.objects, Unknown):
        return closer.objects
    sighted = present(closer.objects) or ()
    here = [each for each in sighted if _part_of(str(each.ref), closer.login) == part]
    record = own_record(observed)
    # A Job may take itself away when it is done.
    noted = [str(ref) for ref in record.inventory if ref.kind != "Job"] if record else []
    # No run looks at each object, so that nothing but a request or time brings one back that was deleted.
    anew = f"PUT /api/environments/{observed.key.branch} applies it anew at once, REAPPLY_HOURS at the latest"
    times = [each.created for each in here if each.created is not None]
    stands = tuple(str(each.ref) for each in here)
    objects = _Look(
        stands=stands,
        since=max(times) if times and len(times) == len(here) else None,
        lacks=tuple(
            f"{each} is gone: {anew}"
            for each in noted
            if _part_of(each, closer.login) == part and each not in stands and each not in making
        ),
    )
    match part:
        case "identity":
            return _identity(objects, observed, closer)
        case "database":
            return _database(objects, observed)
        case "application":
            return _application(objects, observed)
        case "address" if stands and (applied := _applied(observed)) and applied.url:
            return replace(objects, stands=(applied.url, *stands))
        case "monitoring" if record is not None and record.monitored:
            return _monitoring(objects, observed, record)
        case _:
            return objects


def _identity(objects: _Look, observed: Observed, closer: Inspection) -> _Look | Unknown:
    if isinstance(observed.credentials, Unknown):
        return observed.credentials
    record = own_record(observed)
    someone_elses = record is None and observed.recorded.record is not None
    credentials = () if someone_elses else present(observed.credentials) or ()
    return _Look(
        stands=(*map(str, credentials), *objects.stands),
        since=record.trusted_from if record and credentials else None,
        lacks=(*objects.lacks, *(each.broken.why for each in closer.identity_chains if each.broken)),
    )


def _database(objects: _Look, observed: Observed) -> _Look | Unknown:
    if isinstance(observed.database, Unknown):
        return observed.database
    database, record = present(observed.database), own_record(observed)
    taken = why_taken(database, observed.key)
    if taken:
        return replace(objects, lacks=(*objects.lacks, taken))
    if database is None:
        lost = (f"database/{record.database}",) if record is not None and record.database else ()
        return replace(objects, lacks=(*lost, *objects.lacks))
    unfinished = () if database.finished else (f"{database} is not finished",)
    return replace(objects, stands=(str(database), *objects.stands), lacks=(*unfinished, *objects.lacks))


def _monitoring(objects: _Look, observed: Observed, record: Record) -> _Look | Unknown:
    if isinstance(observed.monitoring, Unknown):
        return observed.monitoring
    missing = lost_parts(observed)
    there = tuple(_part_in(name) for name in record.monitored if name not in missing)
    lacks = (*objects.lacks, *map(_part_in, missing))
    # Nobody writes down since when a part of a text stands.
    return replace(objects, stands=(*objects.stands, *there), since=None, lacks=lacks)


def _part_in(name: str) -> str:
    return f"its part in {_SHARED}{name}"


def _application(objects: _Look, observed: Observed) -> _Look:
    rollout, applied = present(observed.rollout), _applied(observed)
    waits = (f"not ready: {rollout.why}",) if rollout is not None and not rollout.ready else ()
    return replace(objects, since=applied.since if applied else objects.since, lacks=(*objects.lacks, *waits))


def _applied(observed: Observed) -> Applied | None:
    namespace = present(observed.namespace)
    return namespace.applied if namespace is not None and namespace.owner == observed.key else None


def _shown(look: _Look | Unknown, pending: Sequence[Change], *, going: bool) -> dict[str, object]:
    changes = [str(each) for each in pending]
    if isinstance(look, Unknown):
        unread = [f"not read: {look.error.message}"]
        return {"state": "unknown", "stands": [], "since": None, "missing": unread, "pending": changes}
    making = [
        f"its part in {each.target}" if each.target.startswith(_SHARED) else each.target
        for each in pending
        if not isinstance(each, Delete | Remove)
    ]
    lacks = (
        []
        if going
        else list(dict.fromkeys([*(each for each in making if each not in look.stands), *look.lacks]))
    )
    return {
        "state": _state(look, lacks, going=going),
        "stands": list(look.stands),
        "since": look.since.isoformat() if look.since and look.stands else None,
        "missing": lacks,
        "pending": changes,
    }


def _state(look: _Look, lacks: list[str], *, going: bool) -> str:
    if look.stands and going:
        return "going"
    if lacks:
        return "incomplete" if look.stands else "missing"
    return "standing" if look.stands else "none"


def _chain(chain: IdentityChain) -> Mapping[str, object]:
    broken = chain.broken
    return {
        "service_account": chain.account,
        "issuer": chain.issuer,
        "subject": chain.subject,
        "credential": chain.credential,
        "identity": chain.identity,
        "client_id": chain.client_id,
        "named_client_id": chain.named,
        "secret_provider_classes": dict(chain.classes),
        "broken": {"code": broken.code, "why": broken.why} if broken else None,
    }
