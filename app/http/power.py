"""Power over HTTP: what sleeps and why, the steps of the next change, and a person's word against it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.http.plans import plan_as_json
from app.http.responses import Response, error
from coppice.reconciler.controller import verdict
from coppice.reconciler.observation import Unknown, present
from coppice.reconciler.outcome import Stalled, Waiting
from coppice.reconciler.plan import Plan
from scheduler.overrides import OverrideWriter, asked
from scheduler.reconciler import Explanation, Forecast
from scheduler.schedule import Schedule

NO_SCHEDULE = "there is no schedule: nothing sleeps. SCHEDULE_FILE says where one lies"


def power_response(
    explanations: Mapping[str, Explanation], features: Forecast | None, orphans: Plan, *, schedule: Schedule
) -> Response:
    """Every environment of the schedule, and what it no longer names.

    Args:
        explanations: one look at each.
        features: what the calendar says of branch environments; `None` if the schedule does not name them.
        orphans: what the next tick does about what sleeps and no environment names.
        schedule: the schedule.
    """
    environments = {name: _environment(each, schedule) for name, each in explanations.items()}
    branches = {"features": _forecast(features)} if features else {}
    told = {"environments": {**environments, **branches}, "orphans": _orphans(orphans)}
    return Response(200, {"timezone": schedule.timezone, **told})


def _orphans(plan: Plan) -> dict[str, object] | None:
    return {"now": plan_as_json(plan), "stuck": _stuck(plan)} if plan.items or plan.suppressed else None


def _stuck(plan: Plan) -> str:
    """Why a plan does not go on; empty if it does."""
    outcome = verdict(plan) if not plan.ready else None
    return outcome.why if isinstance(outcome, Stalled | Waiting) else ""


def _environment(each: Explanation, schedule: Schedule) -> dict[str, object]:
    ledger = present(each.observed.ledger)
    pools = present(each.observed.pools)
    named = [pool for pool in pools or () if pool.name in each.observed.environment.pools]
    saved = ledger.saved(schedule.price) if ledger else None
    return {
        **_forecast(each.forecast),
        "pools": {pool.name: pool.shape.count for pool in named} if pools is not None else "unknown",
        "now": plan_as_json(each.plan),
        "stuck": _stuck(each.plan),
        "next_steps": plan_as_json(each.next) if each.next else None,
        "lead_time_minutes": each.observed.environment.lead_time / timedelta(minutes=1),
        "wakes_took_minutes": [round(wake.took / timedelta(minutes=1), 1) for wake in ledger.wakes[-7:]]
        if ledger
        else "unknown",
        "node_hours_asleep": {pool: round(hours, 2) for pool, hours in ledger.node_hours().items()}
        if ledger
        else "unknown",
        "saved": {"amount": round(saved, 2), "currency": schedule.price.currency}
        if saved is not None and schedule.price
        else None,
        "unread": [
            reading.error.message
            for reading in (
                each.observed.ledger,
                each.observed.pools,
                each.observed.nodes,
                each.observed.overrides,
            )
            if isinstance(reading, Unknown)
        ],
    }


def _forecast(forecast: Forecast) -> dict[str, object]:
    return {
        "wanted": "on" if forecast.level.awake else "off",
        "why": forecast.level.why,
        "overrides": [str(each) for each in forecast.overrides],
        "forecast": [
            {"at": turn.at.isoformat(), "to": "on" if turn.awake else "off", "why": turn.why}
            for turn in forecast.schedule_changes
        ],
    }


def who_asks(headers: Mapping[str, str], *, believed: bool) -> str:
    """Who asks, as App Service's authentication names them; empty if nobody vouches for it.

    See https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities.

    Args:
        headers: the request's.
        believed: whether that authentication stands before the app, and lets nobody else send the header.
    """
    return headers.get("x-ms-client-principal-name", "") if believed else ""


def override_response(
    method: str,
    environment: str,
    body: bytes,
    *,
    schedule: Schedule | None,
    overrides: OverrideWriter,
    who: str,
    now: datetime,
) -> Response:
    """Write down a person's word against the calendar, or end it.

    Args:
        method: `POST` writes it down, `DELETE` ends it.
        environment: the environment, or `features`.
        body: what was asked for, as JSON.
        schedule: the schedule; `None` if there is none.
        overrides: where it is written.
        who: who asks, as far as it is known.
        now: the time.

    Returns:
        202, or an error.
    """
    if schedule is None:
        return error(404, "no_schedule", NO_SCHEDULE)
    if not _known(environment, schedule):
        names = ", ".join([*schedule.named, *(["features"] if schedule.environments.features else [])])
        return error(404, "no_such_environment", f"the schedule names no {environment!r}: it has {names}")
    if method == "DELETE":
        overrides.end(environment)
        return Response(202, {"environment": environment, "override": None})
    try:
        document = json.loads(body or b"null")
        if not isinstance(document, dict):
            return error(400, "bad_body", 'expected {"state": "on"|"off", "until": …, "reason": …} as JSON')
        override = asked(environment, document, who=who, now=now)
    except (ValueError, RecursionError) as wrong:
        return error(400, "bad_body", str(wrong))
    overrides.write(override)
    return Response(202, {"environment": environment, "override": str(override)})


def _known(environment: str, schedule: Schedule) -> bool:
    return environment in schedule.named or (
        environment == "features" and schedule.environments.features is not None
    )
