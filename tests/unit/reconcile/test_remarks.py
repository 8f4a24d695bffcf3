"""Tests that remarks about an overlay are logged as a warning, once for each apply."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coppice.reconciler.report import Report
from tests.support.config import CONFIG
from tests.support.manifests import config_map, deployment, overlay
from tests.support.program import Program

ANNOTATION = "azure.workload.identity/client-id"
CORRECTED = f"ServiceAccount postgres-service-account: {ANNOTATION} was 'of-another', is 'client-of-rg/id-0'"
IDLE = "ConfigMap ama-metrics-settings-configmap is applied as it is, and nothing reads it"


def as_another() -> tuple[dict[str, Any], ...]:
    """Return an overlay whose service account names another identity."""
    metadata = {"name": "postgres-service-account", "annotations": {ANNOTATION: "of-another"}}
    return ({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, deployment())


def logged(caplog: pytest.LogCaptureFixture, *reports: Report) -> list[list[str]]:
    """Log reports, and return the remarks of each line that is a warning."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="coppice.run"):
        for report in reports:
            report.log()
    return [
        json.loads(each.getMessage().removeprefix("run ")).get("remarks", [])
        for each in caplog.records
        if each.levelno == logging.WARNING
    ]


def pushed(program: Program, objects: tuple[dict[str, Any], ...]) -> list[Report]:
    program.push("x", objects)
    program.tell("x")
    return program.drain()


def test_what_was_corrected_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    program = Program(config=replace(CONFIG, pools={"": ("rg/id-0",)}))

    assert logged(caplog, *pushed(program, as_another())) == [[CORRECTED]]


def test_a_configuration_that_azure_reads_nowhere_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    objects = overlay(config_map("ama-metrics-settings-configmap"))

    [[said]] = logged(caplog, *pushed(Program(), objects))

    assert said.startswith(IDLE)
    assert "PodMonitor" in said


def test_an_overlay_with_nothing_to_remark_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, *pushed(Program(), overlay())) == []


def test_it_is_said_when_the_overlay_is_applied_and_not_at_each_look_before_and_after(
    caplog: pytest.LogCaptureFixture,
) -> None:
    patient = replace(CONFIG, settle=timedelta(seconds=30), pools={"": ("rg/id-0",)})
    program = Program(config=patient)

    reports = pushed(program, as_another())

    assert [each.outcome.code for each in reports] == ["settling", "rollout", "done"]
    assert logged(caplog, *reports) == [[CORRECTED]]
    assert logged(caplog, program.run("x")) == []
    program.ask("x", "apply")
    assert logged(caplog, *program.drain()) == [[CORRECTED]]
