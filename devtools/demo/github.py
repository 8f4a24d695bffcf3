"""GitHub's part in `make try` and `make emulators`: each push to the repository sends its webhook once."""

import time
from collections.abc import Callable

import httpx

from devtools.emulators.github.repository import Repository
from devtools.emulators.github.webhooks import deliver, events_between

_PAUSE = 1.0  # seconds between two reads of the repository's branches


def forward_pushes(repository: Repository, webhook: str, secret: str, report: Callable[[str], None]) -> None:
    """Deliver a webhook for every push from now on, until interrupted.

    A delivery that fails is not repeated, as on GitHub. The next sweep finds the branch.

    Args:
        repository: the repository to watch.
        webhook: the URL that gets the webhooks.
        secret: signs them.
        report: gets a line about each delivery.
    """
    before = repository.branches()
    while True:
        time.sleep(_PAUSE)
        after = repository.branches()
        for each in events_between(repository, before, after):
            try:
                answer = deliver(webhook, each.event, each.payload, secret)
                report(f"{each.event} {each.payload['ref']}: {answer.status_code} {answer.text}")
            except httpx.TransportError as error:
                report(f"{each.event} {each.payload['ref']}: lost, the host did not answer ({error})")
        before = after
