"""GitHub's part while somebody plays: the host is told of every push, once, as GitHub does it."""

import time
from collections.abc import Callable

import httpx

from devtools.emulators.github.repository import Repository
from devtools.emulators.github.webhooks import deliver, events_between

_PAUSE = 1.0  # seconds between two looks at the repository


def tell_of_pushes(repository: Repository, webhook: str, secret: str, say: Callable[[str], None]) -> None:
    """Tell of every push from now on, until interrupted: what nobody hears is the sweep's to find.

    Args:
        repository: what is pushed to.
        webhook: whom to tell.
        secret: what it is signed with.
        say: takes a line about each delivery.
    """
    before = repository.branches()
    while True:
        time.sleep(_PAUSE)
        after = repository.branches()
        for each in events_between(repository, before, after):
            try:
                answer = deliver(webhook, each.event, each.payload, secret)
                say(f"{each.event} {each.payload['ref']}: {answer.status_code} {answer.text}")
            except httpx.TransportError as error:
                say(f"{each.event} {each.payload['ref']}: lost, for the host did not answer ({error})")
        before = after
