"""Requests to the API server: JSON in, JSON out, and its `Status` errors as our types.

The typed models of the `kubernetes` package are not used: they cost half a second and tens of megabytes,
and know no custom resources. Its connections, TLS and sign-in are.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from adapters.kubernetes.status_errors import failure
from adapters.retry import retry_reads
from adapters.unreadable import retry_after_seconds, root_cause
from coppice.reconciler.correlation import current
from coppice.reconciler.errors import Failure, Gone, Unreachable

APPLY = "application/apply-patch+yaml"  # JSON is YAML
MERGE = "application/merge-patch+json"
# https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
# No second media type: a server that cannot send metadata alone refuses, and does not send the whole object.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PAGE = 500
_NO_SUCH_PAGE = b"404 page not found\n"  # said, in so many words, where no API group lives
_TIMEOUT = (5, 30)  # seconds to connect, and to answer
# No server under the address, or none with a certificate of its authority, which the client tells like this.
_NOT_CONNECTED = (NewConnectionError, ConnectTimeoutError, ApiException)


class Api:
    """The API server, as one identity sees it.

    Args:
        configuration: where it is and how to sign in.
        impersonate: a user to act as (`Impersonate-User`); empty acts as oneself.
        rediscover: finds out again where it is: its address and its certificate authority may change
            while this process lives.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        impersonate: str = "",
        rediscover: Callable[[], Configuration] | None = None,
    ) -> None:
        self._connection = _connect(configuration)
        self._rediscover = rediscover
        self._lock = threading.Lock()
        self._headers = {"Impersonate-User": impersonate} if impersonate else {}

    @retry_reads
    def get(
        self, path: str, query: Mapping[str, str | int] | None = None, *, accept: str = "application/json"
    ) -> Any:
        """Read one object or one page of a list.

        Args:
            path: below the server's address.
            query: the query's parameters.
            accept: the media type asked for.

        Returns:
            The JSON.

        Raises:
            Failure: as the server answered.
        """
        return self._request("GET", path, query, accept=accept)

    def items(self, path: str, *, selector: str = "", fields: str = "") -> Iterator[Any]:
        """Read a whole list, page by page.

        Args:
            path: the collection.
            selector: a label selector.
            fields: a field selector.

        Yields:
            Each object.

        Raises:
            Failure: a page could not be read, so that the list is not known.
        """
        query: dict[str, str | int] = {"limit": _PAGE, **({"labelSelector": selector} if selector else {})}
        query |= {"fieldSelector": fields} if fields else {}
        while True:
            page = self.get(path, query)
            if not isinstance(page.get("items"), list):
                raise Unreachable(f"{path} did not answer with a list")
            yield from page["items"]
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def post(self, path: str, body: Mapping[str, Any], *, manager: str = "coppice") -> Any:
        """Create an object."""
        return self._request("POST", path, {"fieldManager": manager}, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Replace an object, if its resource version is the one in the body."""
        return self._request("PUT", path, {"fieldManager": "coppice"}, body=body)

    def apply(self, path: str, body: Mapping[str, Any]) -> Any:
        """Apply an object on the server's side, with force:
        https://kubernetes.io/docs/reference/using-api/server-side-apply/.

        Only its metadata come back: nobody has a use for the rest, and a Secret's is nobody's business.
        """
        return self._request(
            "PATCH",
            path,
            {"fieldManager": "coppice", "force": "true"},
            body=body,
            content=APPLY,
            accept=METADATA,
        )

    def merge(self, path: str, body: Mapping[str, Any]) -> Any:
        """Set some fields of an object (RFC 7386)."""
        return self._request("PATCH", path, {"fieldManager": "coppice"}, body=body, content=MERGE)

    def merge_dry_run(self, path: str, body: Mapping[str, Any]) -> Any:
        """Have some fields set and nothing persisted, and read the metadata that there would be:
        https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run.
        """
        query = {"fieldManager": "coppice", "dryRun": "All"}
        return self._request("PATCH", path, query, body=body, content=MERGE, accept=METADATA)

    def delete(self, path: str, *, uid: str = "", version: str = "") -> None:
        """Ask the very object to go that was read; one that is gone by then is no error.

        Raises:
            Conflict: another stands under its name, or it has changed.
        """
        preconditions = {"uid": uid} if uid else {"resourceVersion": version}
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": preconditions,
        }
        try:
            self._request("DELETE", path, None, body=options)
        except Gone:
            return

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        *,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        connection = self._connection
        url = connection.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        headers = {**self._headers, "Accept": accept, "Content-Type": content, "User-Agent": _agent()}
        # Asking for the token is what runs the hook that renews it.
        token = connection.configuration.get_api_key_with_prefix("BearerToken")
        if token:
            headers["Authorization"] = token
        try:
            response = connection.rest.request(
                method, url, headers=headers, body=body, _request_timeout=_TIMEOUT
            )
            data = response.read()
        except (HTTPError, ApiException, OSError) as error:
            if isinstance(error, _NOT_CONNECTED):
                self._reconnect(connection)
            raise Unreachable(f"the cluster did not answer {method} {path}: {root_cause(error)}") from error
        document = _document(data)
        if not document and response.status in {200, 201, 202, 404}:  # a proxy's 404 is no proof of absence
            raise Unreachable(
                f"{method} {path}: an HTTP {response.status} came, and not from the API server: look at what "
                "stands between, such as a proxy"
            )
        if 200 <= response.status < 300:
            return document
        wait = retry_after_seconds(response.headers.get("Retry-After"))
        raise failure(f"{method} {path}", response.status, document, wait)

    def _reconnect(self, connection: "_Connection") -> None:
        """Find out where the server is by now, once for all who did not reach it. Nothing is sent again."""
        if self._rediscover is None:
            return
        with self._lock, contextlib.suppress(Failure):
            if self._connection is connection:
                self._connection = _connect(self._rediscover())


def _agent() -> str:
    """The program, and the correlation ID as a comment: the API server's audit log has both."""
    return f"coppice ({current()})" if current() else "coppice"


@dataclass(frozen=True)
class _Connection:
    configuration: Configuration
    rest: RESTClientObject


def _connect(configuration: Configuration) -> _Connection:
    configuration.retries = False
    # Several runs share them: one that is closed for want of a place costs a handshake the next time.
    configuration.connection_pool_maxsize = 32
    return _Connection(configuration, RESTClientObject(configuration))


def _document(data: bytes | None) -> dict[str, Any]:
    """The API server's answer; empty if it is not one, for whatever the server says has a kind."""
    if data == _NO_SUCH_PAGE:
        return {"kind": "Status", "message": data.decode().strip()}
    try:
        document = json.loads(data or b"")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and "kind" in document else {}


def path(group_version: str, plural: str, *, namespace: str = "", name: str = "") -> str:
    """The path of an object or a collection.

    Args:
        group_version: `v1`, or `group/version`.
        plural: the resource, such as `deployments`.
        namespace: its namespace; empty for what has none, or for all of them.
        name: its name; empty for the collection.

    Returns:
        The path, escaped.
    """
    root = "/api" if "/" not in group_version else "/apis"
    parts = [root, group_version]
    parts += ["namespaces", quote(namespace, safe="")] if namespace else []
    parts += [plural, *([quote(name, safe="")] if name else [])]
    return "/".join(parts)
