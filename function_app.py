"""The app, and every trigger that is about branches. Each parses, calls and responds; no logic lives here.

Importing this loads no SDK. The schedules are the only settings that are read at import. Written as
`%SWEEP_SCHEDULE%` one would have to be set: the host that resolves such names knows no defaults, and does not
load a function whose setting is missing
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
# Azure's worker passes on whatever is logged from INFO on, and each line is paid for. Nobody has a use for
# these: each request to Azure with its headers, and connections that urllib3 gives up as too many to keep.
logging.getLogger("azure").setLevel(logging.WARNING)
logging.getLogger("urllib3").setLevel(logging.ERROR)
_SWEEP_SCHEDULE = os.environ.get("SWEEP_SCHEDULE") or SWEEP_SCHEDULE

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(power)


@app.function_name("github_webhook")
@app.route("github", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output("key", queue_name=BRANCHES_QUEUE, connection=_STORAGE)
def github_webhook(req: func.HttpRequest, key: func.Out[str], context: func.Context) -> func.HttpResponse:
    """A delivery from GitHub: its branch's key goes onto the queue."""
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
    """A branch's key: make its environment what is wanted, and come back if that has to wait."""
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
    """A message that failed five times: say so, for nobody will look at it again."""
    log_poison(msg, context)


@app.function_name("sweep_branches")
@app.timer_trigger("timer", schedule=_SWEEP_SCHEDULE, run_on_startup=False)
def sweep_branches(timer: func.TimerRequest, context: func.Context) -> None:
    """What webhooks have missed: the keys of all branches that differ from what is wanted."""
    from app.http.sweeps import execute_sweep

    del timer
    with correlated(context.invocation_id):
        program = container()
        found, orphans = program.reconciler.sweep(most_deletions=program.settings.sweep_max_deletions)
        execute_sweep(found, orphans, queue=program, locks=program.reconciler.locks)


@app.function_name("sweep_now")
@app.route("sweep", methods=["POST"])
def sweep_now(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The same at once; a dry run only tells, and a confirmed digest lets that very plan through."""
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
    """Every environment, and what is wanted of it."""
    from app.http.environments import environments_response

    return respond(req, context, lambda: environments_response(container().reconciler.apply_context()))


@app.function_name("explain_environment")
@app.route("environments/{*branch}", methods=["GET"])
def explain_environment(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """One branch: what is observed, what is wanted, and the plan."""
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
    """A branch shall have its environment, applied anew; this ends a hold."""
    return respond(req, context, lambda: _ask(req, "apply", key))


@app.function_name("delete_environment")
@app.route("environments/{*branch}", methods=["DELETE"])
@app.queue_output("key", queue_name=BRANCHES_QUEUE, connection=_STORAGE)
def delete_environment(req: func.HttpRequest, key: func.Out[str], context: func.Context) -> func.HttpResponse:
    """A branch shall have no environment until it is pushed to."""
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
    """Whether everything that the program needs answers: a status and codes, nothing that tells names."""
    from app.http.health import health_response

    return respond(req, context, lambda: health_response(container().checks(), details=False), public=True)


@app.function_name("health_details")
@app.route("health/details", methods=["GET"])
def health_details(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The same with names and reasons, for those with a key."""
    from app.http.health import health_response

    return respond(req, context, lambda: health_response(container().checks(), details=True))
