"""The triggers that are about sleep and waking; `function_app.py` registers them."""

import json
import logging
import os

import azure.functions as func

from app.container import POWER_QUEUE, container, now
from app.http.respond import respond
from app.http.responses import Response

_log = logging.getLogger("coppice")
_STORAGE = "AzureWebJobsStorage"
_POWER_SCHEDULE = os.environ.get("POWER_SCHEDULE") or "0 */5 * * * *"

power = func.Blueprint()


@power.function_name("tick_power")
@power.timer_trigger("timer", schedule=_POWER_SCHEDULE, run_on_startup=False)
def tick_power(timer: func.TimerRequest) -> None:
    """The keys of all environments of the schedule, and a step towards waking what it no longer names."""
    from scheduler.message import to_message

    del timer
    program = container()
    for name in program.schedule.named if program.schedule else ():
        program.power_queue.put(to_message(name))
    orphans = program.power.wake_orphans() if program.power else None
    if orphans is not None:
        orphans.log()


@power.function_name("reconcile_power")
@power.queue_trigger("msg", queue_name=POWER_QUEUE, connection=_STORAGE)
def reconcile_power(msg: func.QueueMessage) -> None:
    """An environment's key: every step that the world is ready for, and back if it has to wait."""
    from coppice.reconciler.requeue import requeue_after
    from scheduler.message import from_message, to_message

    program = container()
    try:
        environment, first_seen = from_message(msg.get_body())
    except ValueError as unreadable:
        _log.error("unreadable message: %s", unreadable)
        raise
    if program.power is None:
        return
    report = program.power.reconcile(environment)
    report.log()
    later = requeue_after(report.outcome, first_seen=first_seen, now=now())
    if later is not None:
        since, delay = later
        program.power_queue.put(to_message(environment, first_seen=since), delay=delay)


@power.function_name("report_power_poison")
@power.queue_trigger("msg", queue_name=f"{POWER_QUEUE}-poison", connection=_STORAGE)
def report_power_poison(msg: func.QueueMessage) -> None:
    """What `report_poison` does, for this queue: a function has one trigger."""
    log_poison(msg)


def log_poison(msg: func.QueueMessage) -> None:
    """Say that a message failed five times, for nobody will look at it again."""
    _log.error("poison %s", json.dumps({"message": msg.get_body().decode(errors="replace")[:2000]}))


@power.function_name("show_power")
@power.route("power", methods=["GET"])
def show_power(req: func.HttpRequest) -> func.HttpResponse:
    """What sleeps and why, what comes next, step by step, and seven days ahead."""
    from app.http.power import NO_SCHEDULE, power_response

    def call() -> Response:
        program = container()
        if program.power is None:
            return Response(200, {"environments": {}, "message": NO_SCHEDULE})
        power = program.power
        return power_response(
            power.explain_all(), power.features(), power.explain_orphans(), schedule=power.schedule
        )

    del req
    return respond(call)


@power.function_name("set_power")
@power.route("power/{environment}", methods=["POST", "DELETE"])
@power.queue_output("key", queue_name=POWER_QUEUE, connection=_STORAGE)
def set_power(req: func.HttpRequest, key: func.Out[str]) -> func.HttpResponse:
    """A person's word against the calendar, and its end."""
    from app.http.power import override_response, who_asks
    from scheduler.message import to_message
    from scheduler.schedule import FEATURES

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
        if answer.status == 202 and environment == FEATURES:
            found, _ = program.reconciler.sweep(most_deletions=0)
            program.enqueue(each.key for each in found.make)
        elif answer.status == 202:
            key.set(to_message(environment))
        return answer

    return respond(call)
