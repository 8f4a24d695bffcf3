"""HTTP functions as a client sees them."""

import json
import queue
from collections.abc import Iterator

import azure.functions as func
import httpx
import pytest

from devtools.host.app import Host

KEY = {"x-functions-key": "sesame"}
ran: queue.Queue[str] = queue.Queue()


def _app() -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

    @app.route(route="environments/{*branch}", methods=["GET", "PUT"])
    def explain_environment(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(json.dumps(dict(req.route_params)), mimetype="application/json")

    @app.route(route="environments", methods=["GET", "DELETE"])
    def list_environments(req: func.HttpRequest) -> str:
        return "list"

    @app.route(route="echo", auth_level=func.AuthLevel.ANONYMOUS)
    def echo(req: func.HttpRequest) -> func.HttpResponse:
        seen = {
            "method": req.method,
            "url": req.url,
            "params": dict(req.params),
            "header": req.headers.get("X-Custom"),
            "body": req.get_body().decode("latin-1"),
        }
        return func.HttpResponse(
            json.dumps(seen), status_code=202, headers={"X-Answer": "42", "Content-Type": "application/json"}
        )

    @app.route(route="fail", auth_level=func.AuthLevel.ANONYMOUS)
    def fail(req: func.HttpRequest) -> str:
        raise RuntimeError("the password is swordfish")

    @app.route(route="nothing", auth_level=func.AuthLevel.ANONYMOUS)
    def nothing(req: func.HttpRequest) -> None: ...

    @app.route(route="context", auth_level=func.AuthLevel.ANONYMOUS)
    async def asynchronous(req: func.HttpRequest, context: func.Context) -> str:
        return context.function_name

    @app.queue_trigger(arg_name="message", queue_name="never-filled", connection="AzureWebJobsStorage")
    def on_message(message: func.QueueMessage) -> None:
        ran.put(message.get_body().decode())

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
    def on_time(timer: func.TimerRequest) -> None:
        ran.put(f"timer, past due: {timer.past_due}")

    return app


@pytest.fixture(scope="module")
def open_host() -> Iterator[httpx.Client]:
    settings = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"}
    with Host(_app(), settings=settings) as host, httpx.Client(base_url=host.url) as client:
        yield client


@pytest.fixture(scope="module")
def locked_host() -> Iterator[httpx.Client]:
    with (
        Host(_app(), settings={"LOCAL_FUNCTION_KEY": "sesame"}) as host,
        httpx.Client(base_url=host.url) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["feature/x", "feature%2Fx", "feature%2fx"])
def test_an_encoded_slash_is_a_slash(open_host: httpx.Client, path: str) -> None:
    assert open_host.get(f"/api/environments/{path}").json() == {"branch": "feature/x"}


def test_a_path_is_decoded_once(open_host: httpx.Client) -> None:
    answer = open_host.get("/api/environments/50%25%20off%252Fx%0A%C3%BC%3F%23;DROP")
    assert answer.json() == {"branch": "50% off%2Fx\nü?#;DROP"}


def test_routes_are_tried_in_the_order_of_function_names(open_host: httpx.Client) -> None:
    assert open_host.get("/api/environments").json() == {}
    assert open_host.get("/API/Environments/").json() == {}


def test_a_route_with_another_method_leaves_the_request_to_the_next(open_host: httpx.Client) -> None:
    assert open_host.delete("/api/environments").text == "list"


@pytest.mark.parametrize("path", ["/", "/api", "/api/", "/environments", "/apienvironments", "/api/unknown"])
def test_what_no_route_matches_is_not_found(open_host: httpx.Client, path: str) -> None:
    assert open_host.get(path).status_code == 404


def test_a_method_that_no_route_has_is_not_found(open_host: httpx.Client) -> None:
    assert open_host.patch("/api/environments/x").status_code == 404


def test_a_function_sees_the_request_as_it_was_sent(open_host: httpx.Client) -> None:
    answer = open_host.put("/api/echo?a=1&b=2&a=3&c=", content=b"\x00\xff", headers={"x-custom": "y"})
    assert (answer.status_code, answer.headers["x-answer"]) == (202, "42")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "method": "PUT",
        "url": f"{open_host.base_url}/api/echo?a=1&b=2&a=3&c=".replace("//api", "/api"),
        "params": {"a": "1,3", "b": "2", "c": ""},
        "header": "y",
        "body": "\x00\xff",
    }


def test_a_request_without_a_body_has_an_empty_one(open_host: httpx.Client) -> None:
    assert open_host.get("/api/echo").json()["body"] == ""


def test_a_body_over_the_limit_is_refused(open_host: httpx.Client) -> None:
    assert open_host.post("/api/echo", content=b"x" * 1000).status_code == 202
    assert open_host.post("/api/echo", content=b"x" * 1001).status_code == 413


@pytest.mark.parametrize("path", ["/api/fail", "/api/nothing"])
def test_a_function_that_fails_says_nothing_to_its_caller(open_host: httpx.Client, path: str) -> None:
    answer = open_host.get(path)
    assert (answer.status_code, answer.content) == (500, b"")


def test_an_asynchronous_function_gets_its_context(open_host: httpx.Client) -> None:
    assert open_host.get("/api/context").text == "asynchronous"


def test_the_route_prefix_comes_from_host_json() -> None:
    for prefix, path in (("", "/echo"), ("v1/things", "/v1/things/echo")):
        host_json = {"extensions": {"http": {"routePrefix": prefix}}}
        with Host(_app(), settings={}, host_json=host_json) as host:
            assert httpx.get(f"{host.url}{path}").status_code == 202
            assert httpx.get(f"{host.url}/api/echo").status_code == 404


def test_without_a_key_in_the_settings_none_is_asked_for(open_host: httpx.Client) -> None:
    assert open_host.get("/api/environments/x").status_code == 200


@pytest.mark.parametrize("headers", [{}, {"x-functions-key": "other"}, {"x-functions-key": b"\xff"}])
def test_a_missing_or_wrong_key_is_unauthorized(
    locked_host: httpx.Client, headers: dict[str, str | bytes]
) -> None:
    answer = locked_host.get("/api/environments/x", headers=headers)  # type: ignore[arg-type]  # bytes too
    assert (answer.status_code, answer.content) == (401, b"")


def test_the_key_is_taken_as_header_or_as_query(locked_host: httpx.Client) -> None:
    assert locked_host.get("/api/environments/x", headers=KEY).status_code == 200
    assert locked_host.get("/api/environments/x?code=sesame").status_code == 200


def test_an_anonymous_function_needs_no_key(locked_host: httpx.Client) -> None:
    assert locked_host.get("/api/echo").status_code == 202


def test_a_timer_function_can_be_run_by_hand(open_host: httpx.Client) -> None:
    assert open_host.post("/admin/functions/on_time", json={"input": ""}).status_code == 202
    assert ran.get(timeout=10) == "timer, past due: False"


def test_a_queue_function_can_be_run_by_hand(open_host: httpx.Client) -> None:
    answer = open_host.post("/admin/functions/on_message", json={"input": '{"branch": "ü"}'})
    assert answer.status_code == 202
    assert ran.get(timeout=10) == '{"branch": "ü"}'


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("unknown", b"{}", 404),
        ("echo", b"{}", 400),
        ("on_time", b"{", 400),
        ("on_time", b'{"input": {"branch": "x"}}', 400),
        ("on_time", b"[]", 400),
    ],
)
def test_what_cannot_be_run_by_hand_is_refused(
    open_host: httpx.Client, path: str, body: bytes, status: int
) -> None:
    assert open_host.post(f"/admin/functions/{path}", content=body).status_code == status


def test_running_by_hand_needs_the_key(locked_host: httpx.Client) -> None:
    assert locked_host.post("/admin/functions/on_time", json={}).status_code == 401
    assert locked_host.post("/admin/functions/on_time", json={}, headers=KEY).status_code == 202
    assert ran.get(timeout=10).startswith("timer")
