"""Sends requests to the API server over connections that a client keeps, with its credentials.

Connections, TLS and authentication come from the `kubernetes` package.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from adapters.unreadable import root_cause
from coppice.reconciler.errors import Failure, Unreachable

_NO_SUCH_PAGE = b"404 page not found\n"  # the whole answer where no API group is served
_TIMEOUT = (5, 30)  # seconds to connect, and to answer
# Nothing listens at the address, or its certificate is not signed by the cluster's authority.
_NOT_CONNECTED = (NewConnectionError, ConnectTimeoutError, ApiException)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        status: the HTTP status.
        headers: the HTTP headers.
        document: the JSON; empty if it has no `kind`, for then it is not the API server's.
    """

    status: int
    headers: Mapping[str, str]
    document: dict[str, Any]


class Transport:
    """The connections to the API server.

    Args:
        configuration: the server's address, its certificate authority, and credentials.
        rediscover: reads the configuration again.
    """

    def __init__(
        self, configuration: Configuration, rediscover: Callable[[], Configuration] | None = None
    ) -> None:
        self._connection = _connect(configuration)
        self._rediscover = rediscover
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None,
    ) -> Answer:
        """Send one request, once.

        Args:
            method: the HTTP method.
            path: the path.
            query: query parameters.
            headers: the HTTP headers; `Authorization` is added.
            body: the JSON to send.

        Returns:
            The answer, whatever its status.

        Raises:
            Unreachable: no answer came. If there was no connection, the next request is sent to where the
                server is by then.
        """
        connection = self._connection
        url = connection.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        # Reading the token runs the hook that renews it.
        token = connection.configuration.get_api_key_with_prefix("BearerToken")
        sent = {**headers, **({"Authorization": token} if token else {})}
        try:
            response = connection.rest.request(
                method, url, headers=sent, body=body, _request_timeout=_TIMEOUT
            )
            data = response.read()
        except (HTTPError, ApiException, OSError) as error:
            if isinstance(error, _NOT_CONNECTED):
                self._reconnect(connection)
            raise Unreachable(f"the cluster did not answer {method} {path}: {root_cause(error)}") from error
        return Answer(response.status, response.headers, _document(data))

    def _reconnect(self, connection: "_Connection") -> None:
        """Read the configuration again, once for all threads whose connection failed. Nothing is resent."""
        if self._rediscover is None:
            return
        with self._lock, contextlib.suppress(Failure):
            if self._connection is connection:
                self._connection = _connect(self._rediscover())


@dataclass(frozen=True)
class _Connection:
    configuration: Configuration
    rest: RESTClientObject


def _connect(configuration: Configuration) -> _Connection:
    configuration.retries = False
    # Runs share the connections. One that finds no place in the pool is closed, and costs a handshake.
    configuration.connection_pool_maxsize = 32
    return _Connection(configuration, RESTClientObject(configuration))


def _document(data: bytes | None) -> dict[str, Any]:
    if data == _NO_SUCH_PAGE:
        return {"kind": "Status", "message": data.decode().strip()}
    try:
        document = json.loads(data or b"")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and "kind" in document else {}
