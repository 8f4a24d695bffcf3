"""Entry point of the Functions app, with the triggers for branches.

A trigger parses its input, calls the app and returns the response. It contains no logic.

Importing this module loads no SDK. The timers' schedules are the only settings that are read at import. A
binding expression such as `%SWEEP_SCHEDULE%` would make that setting mandatory: the host knows no defaults,
and does not load a function whose setting is missing
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns).
"""

import logging
import os

import azure.functions as func

from app.container import BRANCHES_QUEUE, container, now
from app.http.respond import respond
from app.http.responses import Response, error
from app.messages import enqueue, log_poison, work
from app.power_functions import power
from app.timers import SWEEP_SCHEDULE
from coppice.reconciler.correlation import correlated

_STORAGE = "AzureWebJobsStorage"
# The Functions worker forwards every line from INFO upwards, and each line costs money. These lines are of no
# use: each request to Azure with its headers, and each connection that urllib3 drops from a full pool.
logging.getLogger("azure").setLevel(logging.WARNING)
logging.getLogger("urllib3").setLevel(logging.ERROR)
_SWEEP_SCHEDULE = os.environ.get("SWEEP_SCHEDULE") or SWEEP_SCHEDULE

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(power)


@app.function_name("github_webhook")
@app.route("github", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output("key", queue_name=BRANCHES_QUEUE, connection=_STORAGE)
def github_webhook(req: func.HttpRequest, key: func.Out[str], context: func.Context) -> func.HttpResponse:
    """Receive a webhook delivery from GitHub and queue its branch's key."""
    from app.webhook.receive import receive

    def call() -> Response:
        settings = container().settings
        received = receive(
            req.headers,
            req.get_body(),
            secret=settings.github_webhook_secret,
            repository=settings.github_repository,
            include=settings.branches_include,
            exclude=settings.branches_exclude,
            former=settings.former_repositories,
        )
        if received.key is not None:
            enqueue(key, received.key.fields)
        return Response(received.status, received.body)

    return respond(req, context, call, public=True)


@app.function_name("reconcile_branch")
@app.queue_trigger("msg", queue_name=BRANCHES_QUEUE, connection=_STORAGE)
def reconcile_branch(msg: func.QueueMessage, context: func.Context) -> None:
    """Reconcile the branch of a queue message, and requeue its key if the run has to wait."""
    from coppice.environment.key import Key, from_message
    from coppice.reconciler.report import Report

    def reconcile(key: Key) -> Report:
        return container().reconciler.reconcile(key)

    work(
        msg,
        context,
        read=from_message,
        write=Key.to_message,
        reconcile=reconcile,
        queue=lambda: container().queue,
        now=now,
    )


@app.function_name("report_poison")
@app.queue_trigger("msg", queue_name=f"{BRANCHES_QUEUE}-poison", connection=_STORAGE)
def report_poison(msg: func.QueueMessage, context: func.Context) -> None:
    """Log a message that failed five times, because nothing processes it again."""
    log_poison(msg, context)


@app.function_name("sweep_branches")
@app.timer_trigger("timer", schedule=_SWEEP_SCHEDULE, run_on_startup=False)
def sweep_branches(timer: func.TimerRequest, context: func.Context) -> None:
    """Queue the keys of all branches that differ from what is wanted, such as after a missed webhook."""
    from app.http.sweeps import execute_sweep

    del timer
    with correlated(context.invocation_id):
        program = container()
        found, orphans = program.reconciler.sweep(most_deletions=program.settings.sweep_max_deletions)
        execute_sweep(found, orphans, queue=program, locks=program.reconciler.locks)


@app.function_name("sweep_now")
@app.route("sweep", methods=["POST"])
def sweep_now(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Sweep now. A dry run returns the findings and changes nothing.

    A confirmed digest lets exactly the removals through that it was computed from.
    """
    from app.http.sweeps import confirmation, execute_sweep, sweep_response

    def call() -> Response:
        try:
            confirmed = confirmation(req.get_body())
        except ValueError as wrong:
            return error(400, "bad_body", str(wrong))
        program = container()
        found, orphans = program.reconciler.sweep(
            most_deletions=program.settings.sweep_max_deletions, confirmed=confirmed
        )
        if req.params.get("dry_run", "").lower() == "true":
            return sweep_response(found, orphans, queued=0, dry_run=True)
        execute_sweep(found, orphans, queue=program, locks=program.reconciler.locks)
        return sweep_response(found, orphans, queued=len(found.keys), dry_run=False)

    return respond(req, context, call)


@app.function_name("list_environments")
@app.route("environments", methods=["GET"])
def list_environments(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """List every environment with its decision."""
    from app.http.environments import environments_response

    return respond(req, context, lambda: environments_response(container().reconciler.apply_context()))


@app.function_name("explain_environment")
@app.route("environments/{*branch}", methods=["GET"])
def explain_environment(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Return what is observed of one branch, its decision and its plan."""
    from app.http.environments import branch_of, environment_response, environments_response, key_of

    def call() -> Response:
        branch = branch_of(req.route_params.get("branch"))
        reconciler = container().reconciler
        if not branch:
            return environments_response(reconciler.apply_context())
        try:
            key = key_of(branch, reconciler.config)
        except ValueError as wrong:
            return error(400, "bad_branch", str(wrong))
        observed, verdict, plan = reconciler.explain(key)
        return environment_response(observed, verdict, plan, reconciler.inspect(observed))

    return respond(req, context, call)


@app.function_name("create_environment")
@app.route("environments/{*branch}", methods=["PUT"])
@app.queue_output("key", queue_name=BRANCHES_QUEUE, connection=_STORAGE)
def create_environment(req: func.HttpRequest, key: func.Out[str], context: func.Context) -> func.HttpResponse:
    """Request that a branch's environment is created or applied again. This ends a hold."""
    return respond(req, context, lambda: _ask(req, "apply", key))


@app.function_name("delete_environment")
@app.route("environments/{*branch}", methods=["DELETE"])
@app.queue_output("key", queue_name=BRANCHES_QUEUE, connection=_STORAGE)
def delete_environment(req: func.HttpRequest, key: func.Out[str], context: func.Context) -> func.HttpResponse:
    """Request a hold: the branch has no environment until it is pushed to."""
    return respond(req, context, lambda: _ask(req, "hold", key))


def _ask(req: func.HttpRequest, action: str, out: func.Out[str]) -> Response:
    from app.http.environments import ask, branch_of

    program = container()
    answer, key = ask(
        branch_of(req.route_params.get("branch")),
        "apply" if action == "apply" else "hold",
        config=program.config,
        branches=program.repository,
        records=program.records,
        now=now(),
    )
    if key is not None:
        enqueue(out, key.fields)
    return answer


@app.function_name("health")
@app.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Check every outside system. The response holds a status and codes, and names no resource."""
    from app.http.health import health_response

    return respond(req, context, lambda: health_response(container().checks(), details=False), public=True)


@app.function_name("health_details")
@app.route("health/details", methods=["GET"])
def health_details(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Check every outside system. The response also holds messages that name resources, so it needs a key."""
    from app.http.health import health_response

    return respond(req, context, lambda: health_response(container().checks(), details=True))
