"""Figure: how long the webhook's handler takes, beside the least that any handler has to do.

The bodies are GitHub's own examples of pushes, creations and deletions, moved to a branch that gets an
environment. Putting the key onto the queue is the host's.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import azure.functions as func

from devtools.bench.figure import Figure
from devtools.bench.timing import percentile, say
from devtools.demo.processes import ROOT
from devtools.host.settings import read_values

EXAMPLES = ROOT / "node_modules/@octokit/webhooks-examples/api.github.com/index.json"
_SECRET = "of the examples"
_REPOSITORY = "Codertocat/Hello-World"
_MEASUREMENTS = 6000
_WARM_UP = 300


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery of GitHub: the headers and the raw body."""

    headers: dict[str, str]
    body: bytes


def measure() -> Iterator[Figure]:
    """Time the handler and, in turns with it, HMAC and JSON parsing of the same bodies.

    Raises:
        RuntimeError: the handler did not acknowledge a delivery with a key.
    """
    if not EXAMPLES.exists():
        say("GitHub's example payloads are missing: `make setup` needs npm for them")
        return
    handler = _handler()
    deliveries = examples()
    ours: list[float] = []
    floor: list[float] = []
    for number in range(_MEASUREMENTS + _WARM_UP):
        delivery = deliveries[number % len(deliveries)]
        request = func.HttpRequest(
            method="POST", url="https://app/api/github", headers=delivery.headers, body=delivery.body
        )
        key = _Output()
        taken = _seconds(partial(handler, request, key))
        least = _seconds(partial(_least, delivery.body))
        if not key.value:
            raise RuntimeError("a delivery was not acknowledged with a key")
        if number >= _WARM_UP:
            ours.append(taken)
            floor.append(least)
    sizes = [len(each.body) for each in deliveries]
    yield from figures(ours=ours, floor=floor, sizes=sizes)


def figures(*, ours: list[float], floor: list[float], sizes: list[int]) -> Iterator[Figure]:
    """Return the figures from the seconds of each delivery."""
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        taken, least = percentile(ours, share), percentile(floor, share)
        yield Figure(
            name=f"webhook acknowledged, {name}",
            value=taken / least,
            unit="times the reference",
            reference=f"HMAC and JSON of the same bodies, {name}, {least * 1e6:.0f} µs",
            most=3,
            samples={
                "microseconds": round(taken * 1e6),
                "bodies": len(sizes),
                "bytes": [min(sizes), max(sizes)],
            },
        )


def examples() -> list[Delivery]:
    """Return GitHub's examples of the three events that affect a branch's environment."""
    moved = {
        "push": {"ref": "refs/heads/feature/new-login"},
        "create": {"ref_type": "branch", "ref": "feature/new-login"},
        "delete": {"ref_type": "branch", "ref": "feature/new-login"},
    }
    return [
        _signed(each["name"], payload | moved[each["name"]])
        for each in json.loads(EXAMPLES.read_text())
        if each["name"] in moved
        for payload in each["examples"]
    ]


def _signed(event: str, payload: dict[str, Any]) -> Delivery:
    body = json.dumps(payload).encode()
    signature = hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Delivery(
        headers={
            "X-GitHub-Event": event,
            "Content-Type": "application/json",
            "X-Hub-Signature-256": f"sha256={signature}",
        },
        body=body,
    )


def _least(body: bytes) -> object:
    hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return json.loads(body)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class _Output:
    """The object that the host passes for an output binding."""

    value = ""

    def set(self, value: str) -> None:
        """Store the message."""
        self.value = value


def _handler() -> Callable[[func.HttpRequest, _Output], object]:
    """Return the function that the host would call, in an app with the sample's settings."""
    settings = {"GITHUB_WEBHOOK_SECRET": _SECRET, "GITHUB_REPOSITORY": _REPOSITORY}
    os.environ.update(read_values(ROOT / "local.settings.sample.json") | settings)
    from function_app import app

    functions = {each.get_function_name(): each.get_user_function() for each in app.get_functions()}
    found: Callable[[func.HttpRequest, _Output], object] = functions["github_webhook"]
    return found
