"""Errors of the Azure SDKs as our types. The client of a service adds what is particular to that service."""

import contextlib
from collections.abc import Callable, Iterator

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from adapters.unreadable import UNREADABLE, retry_after_seconds, root_cause
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    Rejected,
    Throttled,
    Unreachable,
)


@contextlib.contextmanager
def translating(
    service: str, what: str = "", *, refusal: Callable[[HttpResponseError], Failure]
) -> Iterator[None]:
    """Turn errors of an SDK of Azure into ours.

    Args:
        service: the service, for the message.
        what: the request, if the service alone does not tell.
        refusal: turns the service's answer into a failure.

    Yields:
        Once, to make the call.

    Raises:
        Failure: the service refused, or did not answer.
    """
    asked = f": {what}" if what else ""
    try:
        yield
    except HttpResponseError as error:
        raise refusal(error) from error
    except AzureError as error:
        raise Unreachable(f"{service} did not answer{asked}: {root_cause(error)}") from error
    except UNREADABLE as error:
        raise Unreachable(f"{service} gave no usable answer{asked}: {error!r}") from error


def failure(message: str, error: HttpResponseError, *, forbidden: str) -> Failure:
    """Turn an answer of Azure into a failure, by its status alone.

    Args:
        message: the failure's message.
        error: what the SDK raised.
        forbidden: what helps if the identity lacks a role; added to the message then.

    Returns:
        The failure.
    """
    status, wait = error.status_code or 0, retry_after(error)
    if status in {401, 403} or (not status and isinstance(error, ClientAuthenticationError)):
        return Forbidden(f"{message}. {forbidden}")
    if status == 404:
        return Gone(message)
    if status in {409, 412}:
        return Conflict(message, retry_after=wait)
    if status == 429:
        return Throttled(message, retry_after=wait or 5)
    if 400 <= status < 500 and status != 408:
        return Rejected(message)
    return Unreachable(message, retry_after=wait)


def retry_after(error: HttpResponseError) -> float | None:
    """Read the header `Retry-After` of Azure's answer.

    Args:
        error: what the SDK raised.

    Returns:
        Seconds; `None` if there are none.
    """
    return retry_after_seconds(getattr(error.response, "headers", {}).get("Retry-After"))
