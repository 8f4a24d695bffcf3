"""Builds the JSON of a plan, in the same form for branches and for the power schedule."""

from collections.abc import Mapping

from coppice.reconciler.plan import Blocked, Plan, Wait, Wave


def plan_as_json(plan: Plan) -> Mapping[str, object]:
    """Return a plan as JSON.

    Args:
        plan: the plan.

    Returns:
        Its waves and barriers in order, the suppressed changes, its note and its remarks.
    """
    items: list[object] = []
    for item in plan.items:
        match item:
            case Wave(changes):
                items.append({"wave": [str(change) for change in changes]})
            case Wait(why, code, _):
                items.append({"gate": code, "why": why})
            case Blocked(why, code):
                items.append({"stop": code, "why": why})
    suppressed = [{"change": str(each.change), "why": each.why} for each in plan.suppressed]
    return {"items": items, "struck": suppressed, "note": plan.note, "remarks": list(plan.remarks)}
