"""The triggers of the power scheduler; `function_app.py` registers them."""

import os

import azure.functions as func

from app.container import POWER_QUEUE, container, now
from app.http.respond import respond
from app.http.responses import Response
from app.messages import enqueue, log_poison, work
from app.timers import POWER_SCHEDULE
from coppice.reconciler.correlation import correlated
from coppice.reconciler.message import Stamps

_STORAGE = "AzureWebJobsStorage"
_POWER_SCHEDULE = os.environ.get("POWER_SCHEDULE") or POWER_SCHEDULE

power = func.Blueprint()


@power.function_name("tick_power")
@power.timer_trigger("timer", schedule=_POWER_SCHEDULE, run_on_startup=False)
def tick_power(timer: func.TimerRequest, context: func.Context) -> None:
    """Queue the keys of all environments of the schedule, and take the next step towards waking orphans."""
    from scheduler.message import to_message

    del timer
    with correlated(context.invocation_id):
        program = container()
        for name in program.schedule.named if program.schedule else ():
            program.power_queue.put(to_message(name, Stamps.now()))
        orphans = program.power.wake_orphans() if program.power else None
        if orphans is not None:
            orphans.log()


@power.function_name("reconcile_power")
@power.queue_trigger("msg", queue_name=POWER_QUEUE, connection=_STORAGE)
def reconcile_power(msg: func.QueueMessage, context: func.Context) -> None:
    """Reconcile the environment of a queue message, and requeue its key if the run has to wait."""
    from app.power import reconcile
    from scheduler.message import from_message, to_message

    work(
        msg,
        context,
        read=from_message,
        write=to_message,
        reconcile=lambda environment: reconcile(container(), environment),
        queue=lambda: container().power_queue,
        now=now,
    )


@power.function_name("report_power_poison")
@power.queue_trigger("msg", queue_name=f"{POWER_QUEUE}-poison", connection=_STORAGE)
def report_power_poison(msg: func.QueueMessage, context: func.Context) -> None:
    """Log a poison message of this queue. `report_poison` cannot, because a function has only one trigger."""
    log_poison(msg, context)


@power.function_name("show_power")
@power.route("power", methods=["GET"])
def show_power(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Return what sleeps and why, the next steps, and the forecast for seven days."""
    from app.http.power import NO_SCHEDULE, power_response

    def call() -> Response:
        program = container()
        if program.power is None:
            return Response(200, {"environments": {}, "message": NO_SCHEDULE})
        power = program.power
        return power_response(
            power.explain_all(), power.features(), power.explain_orphans(), schedule=power.schedule
        )

    return respond(req, context, call)


@power.function_name("set_power")
@power.route("power/{environment}", methods=["POST", "DELETE"])
@power.queue_output("key", queue_name=POWER_QUEUE, connection=_STORAGE)
def set_power(req: func.HttpRequest, key: func.Out[str], context: func.Context) -> func.HttpResponse:
    """Write an override of the power schedule, or end it."""
    from app.http.power import override_response, who_asks

    def call() -> Response:
        program, environment = container(), req.route_params.get("environment", "")
        answer = override_response(
            req.method,
            environment,
            req.get_body(),
            schedule=program.schedule,
            overrides=program.overrides,
            who=who_asks(req.headers, believed=program.settings.console_auth == "easyauth"),
            now=now(),
        )
        if answer.status == 202:
            enqueue(key, {"environment": environment})
        return answer

    return respond(req, context, call)
