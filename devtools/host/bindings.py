"""What a `FunctionApp` holds, as this host needs it: one value per function, `%SETTING%` resolved.

A function that cannot be loaded is left out and logged; the others still run, as in Functions.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from devtools.host.settings import STORAGE
from devtools.host.templates import Template, template
from devtools.host.timers import check_schedule

_SETTING = re.compile(r"%([^%]*)%")


@dataclass(frozen=True, kw_only=True)
class HttpTrigger:
    """A trigger by HTTP; if `methods` is empty, any method is accepted."""

    argument: str
    route: str
    template: Template
    methods: frozenset[str]
    anonymous: bool


@dataclass(frozen=True, kw_only=True)
class QueueTrigger:
    """A trigger by the messages of a queue; `connection` names the setting with the connection string."""

    argument: str
    queue: str
    connection: str


@dataclass(frozen=True, kw_only=True)
class TimerTrigger:
    """A trigger by time; `schedule` is an NCRONTAB expression with six fields."""

    argument: str
    schedule: str
    run_on_startup: bool


Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, kw_only=True)
class QueueOutput:
    """An output binding: an argument whose value is sent as a message."""

    argument: str
    queue: str
    connection: str


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function that the host can run."""

    name: str
    call: Callable[..., Any]
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]
    wants_context: bool


@dataclass(frozen=True, kw_only=True)
class Index:
    """All functions of an app.

    Attributes:
        functions: the functions that the host can run, in its order.
        refused: the names of all other functions, each with the reason why it cannot run.
    """

    functions: tuple[Function, ...]
    refused: Mapping[str, str]


class _CannotLoadError(Exception):
    pass


def index(app: func.FunctionApp, *, settings: Mapping[str, str]) -> Index:
    """Read the functions of an app.

    Args:
        app: the app that function_app.py defines.
        settings: the app settings, for `%SETTING%` and connections.

    Returns:
        The functions, sorted by name; the host tries their routes in this order.
    """
    functions: list[Function] = []
    refused: dict[str, str] = {}
    named = {str(declared.get_function_name()): declared for declared in app.get_functions()}
    for name, declared in sorted(named.items(), key=lambda item: item[0].lower()):
        bindings = [binding.get_dict_repr() for binding in declared.get_bindings()]
        try:
            functions.append(_function(name, declared.get_user_function(), bindings, settings))
        except _CannotLoadError as error:
            refused[name] = str(error)
    return Index(functions=tuple(functions), refused=refused)


def _function(
    name: str, call: Callable[..., Any], bindings: list[dict[str, Any]], settings: Mapping[str, str]
) -> Function:
    triggers: list[Trigger] = []
    outputs: list[QueueOutput] = []
    for binding in bindings:
        match binding["type"]:
            case "httpTrigger":
                triggers.append(_http_trigger(binding))
            case "queueTrigger":
                triggers.append(QueueTrigger(argument=binding["name"], **_queue(binding, settings)))
            case "timerTrigger":
                triggers.append(_timer_trigger(binding, settings))
            case "queue":
                outputs.append(QueueOutput(argument=binding["name"], **_queue(binding, settings)))
            case "http":
                pass  # the return value of an HTTP function
            case other:
                raise _CannotLoadError(f"this host has no binding of type {other}")
    [trigger] = triggers
    parameters = inspect.signature(call).parameters
    missing = {trigger.argument, *(output.argument for output in outputs)} - set(parameters)
    if missing:
        raise _CannotLoadError(
            f"it is bound to arguments that it does not take: {', '.join(sorted(missing))}"
        )
    return Function(
        name=name, call=call, trigger=trigger, outputs=tuple(outputs), wants_context="context" in parameters
    )


def _http_trigger(binding: dict[str, Any]) -> HttpTrigger:
    try:
        route = template(binding["route"])
    except ValueError as error:
        raise _CannotLoadError(str(error)) from error
    return HttpTrigger(
        argument=binding["name"],
        route=binding["route"],
        template=route,
        methods=frozenset(str(method.value) for method in binding.get("methods") or ()),
        anonymous=binding.get("authLevel") is func.AuthLevel.ANONYMOUS,
    )


def _timer_trigger(binding: dict[str, Any], settings: Mapping[str, str]) -> TimerTrigger:
    schedule = _resolved(binding["schedule"], settings)
    try:
        check_schedule(schedule)
    except ValueError as error:
        raise _CannotLoadError(str(error)) from error
    return TimerTrigger(
        argument=binding["name"], schedule=schedule, run_on_startup=bool(binding.get("runOnStartup"))
    )


def _queue(binding: dict[str, Any], settings: Mapping[str, str]) -> dict[str, str]:
    connection = binding.get("connection") or STORAGE
    if not settings.get(connection):
        raise _CannotLoadError(f"its connection, the app setting {connection}, is missing")
    return {"queue": _resolved(binding["queueName"], settings).lower(), "connection": connection}


def _resolved(text: str, settings: Mapping[str, str]) -> str:
    missing = [name for name in _SETTING.findall(text) if not settings.get(name)]
    if missing:
        raise _CannotLoadError(f"%{missing[0]}% does not resolve: there is no such app setting")
    return _SETTING.sub(lambda match: settings[match[1]], text)
