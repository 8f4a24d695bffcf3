"""The HTTP API of the power schedule: what sleeps and why, the next steps, and overrides."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.http.plans import plan_as_json
from app.http.responses import Response, error
from coppice.reconciler.controller import verdict
from coppice.reconciler.observation import Unknown, present
from coppice.reconciler.outcome import Stalled, Waiting
from coppice.reconciler.plan import Plan
from scheduler.overrides import OverrideWriter, parse_override
from scheduler.reconciler import Explanation, Forecast
from scheduler.schedule import Schedule

NO_SCHEDULE = "there is no schedule: nothing sleeps. SCHEDULE_FILE says where one lies"


def power_response(
    explanations: Mapping[str, Explanation], features: Forecast | None, orphans: Plan, *, schedule: Schedule
) -> Response:
    """Describe every environment of the schedule, and the orphans.

    Args:
        explanations: the explanation of each environment, by name.
        features: the forecast of the branch environments; `None` if the schedule does not name them.
        orphans: the plan that the next tick executes for orphans.
        schedule: the schedule.

    Returns:
        200.
    """
    environments = {name: _environment(each, schedule) for name, each in explanations.items()}
    branches = {"features": _forecast(features)} if features else {}
    body = {"environments": {**environments, **branches}, "orphans": _orphans(orphans)}
    return Response(200, {"timezone": schedule.timezone, **body})


def _orphans(plan: Plan) -> dict[str, object] | None:
    return {"now": plan_as_json(plan), "stuck": _stuck(plan)} if plan.items or plan.suppressed else None


def _stuck(plan: Plan) -> str:
    """Return why a plan makes no progress; empty if it does."""
    outcome = verdict(plan) if not plan.ready else None
    return outcome.why if isinstance(outcome, Stalled | Waiting) else ""


def _environment(each: Explanation, schedule: Schedule) -> dict[str, object]:
    ledger = present(each.observed.ledger)
    pools = present(each.observed.pools)
    own_pools = each.observed.own_pools
    saved = ledger.saved(schedule.price) if ledger else None
    return {
        **_forecast(each.forecast),
        "pools": {pool.name: pool.shape.count for pool in own_pools} if pools is not None else "unknown",
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
            {"at": change.at.isoformat(), "to": "on" if change.awake else "off", "why": change.why}
            for change in forecast.schedule_changes
        ],
    }


def who_asks(headers: Mapping[str, str], *, believed: bool) -> str:
    """Return who sent a request, as App Service's authentication names them; empty if it is not trusted.

    See https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities.

    Args:
        headers: the request's headers.
        believed: whether that authentication runs in front of the app, so that no caller can set the header.
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
    """Write an override, or end it.

    Args:
        method: `POST` writes it, `DELETE` ends it.
        environment: the environment, or `features`.
        body: the override as JSON; a `DELETE` ignores it.
        schedule: the schedule; `None` if there is none.
        overrides: writes overrides.
        who: who sent the request; empty if that is not known.
        now: the time.

    Returns:
        202, or an error: 400 for a bad body, 404 without a schedule or for an environment it does not name.

    Raises:
        Failure: the override could not be written.
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
        override = parse_override(environment, document, who=who, now=now)
    except (ValueError, RecursionError) as wrong:
        return error(400, "bad_body", str(wrong))
    overrides.write(override)
    return Response(202, {"environment": environment, "override": str(override)})


def _known(environment: str, schedule: Schedule) -> bool:
    return environment in schedule.named or (
        environment == "features" and schedule.environments.features is not None
    )
