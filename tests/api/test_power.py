"""A person's word against the calendar, as it comes over HTTP."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import azure.functions as func
import pytest

import function_power
from scheduler.load import load as load_schedule
from scheduler.overrides import Override
from settings import load
from tests.test_settings import REQUIRED

SCHEDULE = """
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [dev]
    state: [{file: values.yaml, path: state}]
    sync: [{argocd: argocd/dev}]
"""


class Overrides:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[Override] = []

    def write(self, override: Override) -> None:
        self.written.append(override)

    def end(self, environment: str) -> None:
        raise AssertionError(environment)


class Out(func.Out[str]):
    """Where keys go."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def set(self, val: str) -> None:
        self.keys.append(val)

    def get(self) -> str:
        return self.keys[-1]


@pytest.mark.parametrize(("authentication", "remembered"), [("off", ""), ("easyauth", "ada@example.com")])
def test_who_asked_is_believed_only_where_app_service_vouches_for_it(
    monkeypatch: pytest.MonkeyPatch, authentication: str, remembered: str
) -> None:
    overrides, out = Overrides(), Out()
    program = SimpleNamespace(
        settings=load({**REQUIRED, "CONSOLE_AUTH": authentication}),
        schedule=load_schedule(SCHEDULE, name="schedule.yaml"),
        overrides=overrides,
    )
    monkeypatch.setattr(function_power, "composed", lambda: program)
    monkeypatch.setattr(function_power, "now", lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    answer = function_power.set_power._function.get_user_function()(
        func.HttpRequest(
            "POST",
            "/api/power/dev",
            headers={"X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.com"},
            route_params={"environment": "dev"},
            body=json.dumps({"state": "on", "reason": "a demo"}).encode(),
        ),
        out,
    )

    assert answer.status_code == 202
    assert [override.who for override in overrides.written] == [remembered]
    assert out.keys == ['{"environment": "dev"}']
