"""The part of host.json that this host follows, with the defaults of Functions.

Reference: https://learn.microsoft.com/azure/azure-functions/functions-host-json and
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devtools.host.settings import SettingsError

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """The supported options of host.json; durations are in seconds."""

    route_prefix: str = "api"
    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: float = 0
    max_polling_interval: float = 60
    function_timeout: float = 1800


def host_options(host_json: Mapping[str, Any]) -> HostOptions:
    """Read the options from a host.json.

    Args:
        host_json: the file's content; an empty one means the defaults.

    Returns:
        The options.

    Raises:
        SettingsError: a value has the wrong type or is out of range.
    """
    extensions = _section(host_json, "extensions")
    queues = _section(extensions, "queues")
    prefix = _section(extensions, "http").get("routePrefix", HostOptions.route_prefix)
    if not isinstance(prefix, str):
        raise SettingsError(f"host.json: extensions.http.routePrefix has to be a string, not {prefix!r}.")
    encoding = queues.get("messageEncoding", "base64")
    if encoding != "base64":
        raise SettingsError(
            f"host.json: extensions.queues.messageEncoding is {encoding!r}; this host speaks base64 alone."
        )
    batch_size = _count(queues, "batchSize", default=HostOptions.batch_size, low=1, high=32)
    return HostOptions(
        route_prefix=prefix.strip("/"),
        batch_size=batch_size,
        new_batch_threshold=_count(queues, "newBatchThreshold", default=batch_size // 2, low=0, high=1000),
        max_dequeue_count=_count(
            queues, "maxDequeueCount", default=HostOptions.max_dequeue_count, low=1, high=10_000
        ),
        visibility_timeout=_seconds(queues, "visibilityTimeout", default=HostOptions.visibility_timeout),
        max_polling_interval=_seconds(queues, "maxPollingInterval", default=HostOptions.max_polling_interval),
        function_timeout=_seconds(host_json, "functionTimeout", default=HostOptions.function_timeout),
    )


def _section(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = parent.get(name, {})
    if not isinstance(section, Mapping):
        raise SettingsError(f"host.json: {name} has to be an object.")
    return section


def _count(queues: Mapping[str, Any], name: str, *, default: int, low: int, high: int) -> int:
    value = queues.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingsError(
            f"host.json: extensions.queues.{name} has to be a number from {low} to {high}, not {value!r}."
        )
    return value


def _seconds(section: Mapping[str, Any], name: str, *, default: float) -> float:
    value = section.get(name)
    if value is None:
        return default
    match = _TIME_SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise SettingsError(f"host.json: {name} has to look like 00:00:30, not {value!r}.")
    days, hours, minutes, seconds = match.groups(default="0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
