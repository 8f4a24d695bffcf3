import azure.functions as func
import pytest

from devtools.host.bindings import HttpTrigger, QueueOutput, QueueTrigger, TimerTrigger, index

SETTINGS = {"AzureWebJobsStorage": "x"}


def test_what_the_decorators_say_is_read() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

    @app.route(route="sweep", methods=["POST", "PUT"])
    @app.queue_output(arg_name="out", queue_name="branches", connection="AzureWebJobsStorage")
    def sweep_now(req: func.HttpRequest, out: func.Out[str]) -> str:
        return ""

    @app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="Other")
    def reconcile(message: func.QueueMessage) -> None: ...

    @app.timer_trigger(arg_name="timer", schedule="%EVERY% * * * *", run_on_startup=True)
    def tick(timer: func.TimerRequest) -> None: ...

    found = index(app, settings={**SETTINGS, "Other": "y", "QUEUE": "Power", "EVERY": "0 */5"})

    assert found.refused == {}
    reconcile_, sweep_, tick_ = found.functions
    assert reconcile_.trigger == QueueTrigger(argument="message", queue="power", connection="Other")
    assert sweep_.outputs == (
        QueueOutput(argument="out", queue="branches", connection="AzureWebJobsStorage"),
    )
    assert isinstance(sweep_.trigger, HttpTrigger)
    assert (sweep_.trigger.route, sweep_.trigger.methods, sweep_.trigger.anonymous) == (
        "sweep",
        frozenset({"POST", "PUT"}),
        False,
    )
    assert tick_.trigger == TimerTrigger(argument="timer", schedule="0 */5 * * * *", run_on_startup=True)


def test_functions_are_in_the_order_of_their_names() -> None:
    app = func.FunctionApp()
    for name in ("list_environments", "Health", "explain_environment"):
        app.function_name(name)(app.route(route=name)(lambda req: ""))
    assert [function.name for function in index(app, settings=SETTINGS).functions] == [
        "explain_environment",
        "Health",
        "list_environments",
    ]


def test_a_function_whose_setting_is_missing_is_not_loaded_and_the_others_are() -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
    def sweep(timer: func.TimerRequest) -> None: ...

    @app.queue_trigger(arg_name="message", queue_name="a", connection="Elsewhere")
    def reconcile(message: func.QueueMessage) -> None: ...

    @app.route(route="health")
    def health(req: func.HttpRequest) -> str:
        return ""

    found = index(app, settings={**SETTINGS, "Elsewhere": ""})

    assert [function.name for function in found.functions] == ["health"]
    assert found.refused == {
        "sweep": "%SWEEP_SCHEDULE% does not resolve: there is no such app setting",
        "reconcile": "its connection, the app setting Elsewhere, is missing",
    }


@pytest.mark.parametrize(
    ("schedule", "route"), [("*/5 * * * *", "ok"), ("0 0 0 * * *", "x/{id:int}")], ids=["schedule", "route"]
)
def test_what_this_host_cannot_read_is_refused_with_the_reason(schedule: str, route: str) -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule=schedule)
    def tick(timer: func.TimerRequest) -> None: ...

    @app.route(route=route)
    def page(req: func.HttpRequest) -> str:
        return ""

    [reason] = index(app, settings=SETTINGS).refused.values()
    assert schedule in reason or route in reason


def test_a_binding_that_this_host_does_not_have_is_named() -> None:
    app = func.FunctionApp()

    @app.blob_trigger(arg_name="blob", path="x", connection="AzureWebJobsStorage")
    def on_blob(blob: func.InputStream) -> None: ...

    assert index(app, settings=SETTINGS).refused == {
        "on_blob": "this host has no binding of type blobTrigger"
    }


def test_a_function_that_does_not_take_what_it_is_bound_to_is_refused() -> None:
    app = func.FunctionApp()

    @app.route(route="x")
    @app.queue_output(arg_name="out", queue_name="q", connection="AzureWebJobsStorage")
    def page(req: func.HttpRequest) -> str:
        return ""

    [reason] = index(app, settings=SETTINGS).refused.values()
    assert reason.endswith("does not take: out")
