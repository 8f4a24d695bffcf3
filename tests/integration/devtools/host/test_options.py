from typing import Any

import pytest

from devtools.host.options import HostOptions, host_options
from devtools.host.settings import SettingsError


def _queues(**queues: object) -> dict[str, Any]:
    return {"version": "2.0", "extensions": {"queues": queues}}


def test_an_empty_host_json_means_the_defaults_of_functions() -> None:
    assert host_options({}) == HostOptions(
        route_prefix="api",
        batch_size=16,
        new_batch_threshold=8,
        max_dequeue_count=5,
        visibility_timeout=0,
        max_polling_interval=60,
        function_timeout=1800,
    )


def test_what_host_json_says_is_taken() -> None:
    options = host_options(
        {
            "functionTimeout": "00:05:00",
            "extensions": {
                "http": {"routePrefix": "/v1/"},
                "queues": {"batchSize": 4, "maxDequeueCount": 2, "visibilityTimeout": "1.00:01:30.5"},
            },
        }
    )
    assert options.route_prefix == "v1"
    assert (options.batch_size, options.new_batch_threshold) == (4, 2)
    assert options.max_dequeue_count == 2
    assert options.function_timeout == 300
    assert options.visibility_timeout == 86400 + 60 + 30.5


@pytest.mark.parametrize(
    ("host_json", "named"),
    [
        (_queues(batchSize=33), "batchSize"),
        (_queues(batchSize="16"), "batchSize"),
        (_queues(maxDequeueCount=True), "maxDequeueCount"),
        (_queues(visibilityTimeout=30), "visibilityTimeout"),
        (_queues(maxPollingInterval="1 minute"), "maxPollingInterval"),
        (_queues(messageEncoding="none"), "messageEncoding"),
        ({"functionTimeout": 600}, "functionTimeout"),
        ({"extensions": {"http": {"routePrefix": None}}}, "routePrefix"),
        ({"extensions": []}, "extensions"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(host_json: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        host_options(host_json)
