"""The parts of an environment as JSON, each with what stands of it, since when, and what is missing.

What stands was looked at just now: nothing is shown because it was once written down. Of a Secret nothing is
known here but its name.
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

# What stands around an environment's components, and is shown as none of them.
_AROUND = {"namespace", "record", "request"}


def parts(
    observed: Observed, verdict: Verdict, plan: Plan, inspection: Inspection
) -> Mapping[str, Mapping[str, object]]:
    """Show every part of an environment.

    Args:
        observed: what was observed.
        verdict: what is wanted.
        plan: what would be done.
        inspection: what a closer look has shown.

    Returns:
        By component: its state, what stands, since when, what is missing, what a run would change of it now,
        and what the closer look has to say of it beside.
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
    """The component that something is shown as, by its kind; what components keep is told by its name."""
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
    # A Job may take itself away when it is done.
    noted = [str(ref) for ref in record.inventory if ref.kind != "Job"] if record else []
    # No run looks at each object, so that nothing but a request or time brings one back that was deleted.
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
