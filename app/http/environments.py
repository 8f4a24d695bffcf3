"""The HTTP API of environments: list them, explain one, request one, delete one.

What a person asks for is stored as a request, and the branch's key is queued. Nothing is created or deleted
here. So a delete survives restarts and sweeps, and a request that arrives twice has the effect of one.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Protocol

from app.http.components import parts
from app.http.plans import plan_as_json
from app.http.responses import Response, error, failed
from coppice.components.observed import BranchReader, Observed, read_repository
from coppice.diagnostics.inspection import Inspection
from coppice.environment import ref_format
from coppice.environment.branch_filter import included
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.records import RecordReader, Request, RequestWriter, WriteRecord
from coppice.environment.references import ObjectRef
from coppice.lifecycle.decision import Ensure, Rejected, Skip, TearDown, Verdict
from coppice.reconciler import controller
from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present
from coppice.reconciler.plan import Plan


class Requests(RecordReader, RequestWriter, Protocol):
    """Reads records and requests, and writes requests."""


def branch_of(route: str | None) -> str:
    """Return the branch that a path names.

    Args:
        route: the route parameter. The host decodes a path, except for `%2F`.

    Returns:
        The full branch name; `feature%2Fx` also becomes `feature/x`. Empty if the path names no branch.
    """
    return (route or "").replace("%2F", "/").replace("%2f", "/")


def key_of(branch: str, config: EnvironmentConfig) -> Key:
    """Return the key of a branch that a caller names.

    Args:
        branch: the full branch name.
        config: the configuration of environments.

    Returns:
        The key.

    Raises:
        ValueError: Git allows no branch of this name, or no queue message can hold it.
    """
    ref_format.check(branch)
    return config.key(branch)


def ask(
    branch: str,
    action: Literal["hold", "apply"],
    *,
    config: EnvironmentConfig,
    branches: BranchReader,
    records: Requests,
    now: datetime,
) -> tuple[Response, Key | None]:
    """Store a request: to apply a branch's environment again, or to hold it until the branch is pushed to.

    No request is stored for a branch that does not exist, or for the default branch. Its key is queued for a
    hold, so that what is left of an environment is removed.

    Args:
        branch: the full branch name.
        action: the requested action.
        config: the configuration of environments.
        branches: reads the repository.
        records: reads records and writes requests.
        now: the time, which identifies the request.

    Returns:
        202 and the key for the queue, or an error and no key.
    """
    if not branch:
        return error(400, "no_branch", "name a branch: /api/environments/<branch>"), None
    try:
        key = key_of(branch, config)
        name = config.name(branch)
    except ValueError as wrong:
        return error(400, "bad_branch", str(wrong)), None
    default, head = read_repository(branches, lambda: branches.head(branch))
    if isinstance(head, Unknown):
        return failed(head.error), None
    if isinstance(head, Absent):
        if action == "apply":
            return error(404, "no_such_branch", f"{config.repository} has no branch {branch!r}"), None
        return _queued(key, "the branch does not exist: what is left of its environment goes"), key
    reason = included(branch, include=config.include, exclude=config.exclude, default_branch=present(default))
    if reason and action == "apply":
        return error(409, "excluded", reason), None
    if branch == present(default):
        return _queued(key, f"{reason} What is left of one from before goes."), key
    try:
        former = records.get(key, name).request
        version = former.version if former else ""
        records.ask(
            Request(
                key=key, slug=name.slug, action=action, commit=head.value, at=now.isoformat(), version=version
            )
        )
    except Failure as failure:
        return failed(failure), None
    said = (
        "its environment is made or applied anew"
        if action == "apply"
        else "its environment goes, until the branch is pushed to"
    )
    return _queued(key, said), key


def _queued(key: Key, said: str) -> Response:
    return Response(202, {"queued": {"repository": key.repository, "branch": key.branch}, "message": said})


def environment_response(
    observed: Observed, verdict: Verdict, plan: Plan, inspection: Inspection
) -> Response:
    """Describe one branch: what is observed, the decision, the plan, and each component.

    Args:
        observed: what was observed.
        verdict: the decision.
        plan: the plan.
        inspection: the inspection of the branch.

    Returns:
        200.
    """
    return Response(
        200,
        {
            **_summary(observed, verdict),
            "observed": {
                "head": _reading(observed.head),
                "namespace": _reading(observed.namespace),
                "credentials": _reading(observed.credentials),
                "record": str(observed.recorded.record or "absent"),
                "request": observed.recorded.request.action if observed.recorded.request else "none",
                "rollout": rollout.why
                if (rollout := present(observed.rollout)) and not rollout.ready
                else "",
            },
            "parts": parts(observed, verdict, plan, inspection),
            "plan": plan_as_json(plan),
            "prunes": [str(each) for each in _prunes(plan)],
            "outcome": _outcome(plan),
        },
    )


def environments_response(rows: Iterable[tuple[Observed, Verdict, Plan]]) -> Response:
    """List every branch that has an environment, should have one, or has left something behind.

    Args:
        rows: for each branch what was observed, the decision and the plan.

    Returns:
        200.
    """
    environments = [
        {**_summary(observed, verdict), "pending": [str(change) for change in plan.changes] or _barrier(plan)}
        for observed, verdict, plan in rows
        if not isinstance(verdict, Skip) or verdict.unknown or isinstance(observed.namespace, Present)
    ]
    return Response(200, {"environments": environments})


def _outcome(plan: Plan) -> dict[str, str]:
    if plan.ready:
        changes = sum(len(wave.changes) for wave in plan.ready)
        made = "1 change" if changes == 1 else f"{changes} changes"
        return {"kind": "Due", "code": "due", "why": f"a run would make {made} now"}
    outcome = controller.verdict(plan)
    return {"kind": type(outcome).__name__, "code": outcome.code, "why": outcome.why}


def _summary(observed: Observed, verdict: Verdict) -> dict[str, object]:
    applied = observed.applied
    return {
        "branch": observed.key.branch,
        "namespace": observed.name.namespace,
        "wanted": _verdict(verdict),
        "revision": applied.revision if applied else None,
        "result": applied.result if applied else None,
        "since": applied.since.isoformat() if applied else None,
        "url": applied.url or None if applied else None,
    }


def _prunes(plan: Plan) -> Iterable[ObjectRef]:
    """Return the objects that have left the overlay. One pass records them, and the next one deletes them."""
    written = [change.record for change in plan.changes if isinstance(change, WriteRecord)]
    return written[-1].pruning if written else ()


def _verdict(verdict: Verdict) -> dict[str, str]:
    match verdict:
        case Ensure(commit, due):
            return {"verdict": "present", "commit": commit, "due": due}
        case Rejected(commit, stall):
            return {"verdict": "refused", "commit": commit, "why": stall.why}
        case TearDown(why):
            return {"verdict": "absent", "why": why}
        case Skip(why, _):
            return {"verdict": "leave", "why": why}


def _barrier(plan: Plan) -> list[str]:
    return [plan.barrier.why] if plan.barrier else []


def _reading(reading: Reading[object]) -> str | list[str]:
    if isinstance(reading, Unknown):
        return f"unknown: {reading.error}"
    if isinstance(reading, Absent):
        return "absent"
    return [str(each) for each in reading.value] if isinstance(reading.value, tuple) else str(reading.value)
