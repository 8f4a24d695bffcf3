"""Builds the JSON of an environment's components: what exists of each, since when, and what is missing.

What exists was read for this response: an entry in the record alone is not shown as existing. Of a Secret
this module knows only the name.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from coppice.components.component import Component
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.removal import Delete, Remove
from coppice.components.stages import Status
from coppice.diagnostics.inspection import Inspection
from coppice.lifecycle.decision import TearDown, Verdict
from coppice.reconciler.observation import Unknown, present
from coppice.reconciler.plan import Change, Plan

# Kinds of targets that belong to no component.
_AROUND = {"namespace", "record", "request"}


def parts(
    observed: Observed, verdict: Verdict, plan: Plan, inspection: Inspection
) -> Mapping[str, Mapping[str, object]]:
    """Describe every component of an environment.

    Args:
        observed: what was observed of the branch.
        verdict: the decision.
        plan: the plan.
        inspection: the inspection of the branch.

    Returns:
        By component: its state, what exists, since when, what is missing, the pending changes of the plan,
        and the details from the inspection.
    """
    going, plan_input = isinstance(verdict, TearDown), {each.target for each in plan.changes}
    return {
        each.state.name: {
            **_shown(
                each,
                _look(each, observed, inspection, plan_input),
                [change for change in plan.changes if _component(change.target, inspection) is each],
                going=going,
            ),
            **inspection.details.get(each.state.name, {}),
        }
        for each in COMPONENTS
    }


def _component(target: str, inspection: Inspection) -> Component[Any] | None:
    """Return the component that shows an object or the target of a change.

    The inspection names the component if one keeps the object. Otherwise the kind decides. An object that no
    component shows goes to the component that shows the rest. A namespace, a record and a request belong to
    no component.
    """
    if target.partition("/")[0] in _AROUND:
        return None
    kept = inspection.kept.get(target)
    shown = (each for each in COMPONENTS if (each.state.name == kept if kept else each.shows(target)))
    return next(shown, None) or next(each for each in COMPONENTS if each.shows_the_rest)


def _look(
    component: Component[Any], observed: Observed, inspection: Inspection, plan_input: Container[str]
) -> Status | Unknown:
    if isinstance(inspection.objects, Unknown):
        return inspection.objects
    sighted = present(inspection.objects) or ()
    here = [each for each in sighted if _component(str(each.ref), inspection) is component]
    record = observed.own_record
    # A missing Job is not reported: a Job may be deleted automatically when it is done.
    noted = [str(ref) for ref in record.inventory if ref.kind != "Job"] if record else []
    # A run does not read each object. Only a request, or REAPPLY_HOURS, brings a deleted object back.
    anew = f"PUT /api/environments/{observed.key.branch} applies it anew at once, REAPPLY_HOURS at the latest"
    times = [each.created for each in here if each.created is not None]
    stands = tuple(str(each.ref) for each in here)
    gone = (
        f"{each} is gone: {anew}"
        for each in noted
        if _component(each, inspection) is component and each not in stands and each not in plan_input
    )
    objects = Status(
        stands=stands,
        since=max(times) if times and len(times) == len(here) else None,
        lacks=(*gone, *inspection.findings.get(component.state.name, ())),
    )
    return component.status(objects, observed)


def _shown(
    component: Component[Any], look: Status | Unknown, pending: Sequence[Change], *, going: bool
) -> dict[str, object]:
    changes = [str(each) for each in pending]
    if isinstance(look, Unknown):
        unread = [f"not read: {look.error.message}"]
        return {"state": "unknown", "stands": [], "since": None, "missing": unread, "pending": changes}
    plan_input = [component.called(each.target) for each in pending if not isinstance(each, Delete | Remove)]
    lacks = (
        []
        if going
        else list(dict.fromkeys([*(each for each in plan_input if each not in look.stands), *look.lacks]))
    )
    return {
        "state": _state(look, lacks, going=going),
        "stands": list(look.stands),
        "since": look.since.isoformat() if look.since and look.stands else None,
        "missing": lacks,
        "pending": changes,
    }


def _state(look: Status, lacks: list[str], *, going: bool) -> str:
    if look.stands and going:
        return "going"
    if lacks:
        return "incomplete" if look.stands else "missing"
    return "standing" if look.stands else "none"
