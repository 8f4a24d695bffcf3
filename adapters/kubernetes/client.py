"""Requests to the API server: JSON in, JSON out, and its `Status` errors as our types.

The typed models of the `kubernetes` package are not used: they take half a second and tens of megabytes to
import, and know no custom resources.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubernetes.client import Configuration

from adapters.kubernetes.status_errors import failure
from adapters.kubernetes.transport import Transport
from adapters.retry import retry_reads
from adapters.unreadable import retry_after_seconds
from coppice.reconciler.correlation import current
from coppice.reconciler.errors import Gone, Unreachable

APPLY = "application/apply-patch+yaml"  # JSON is YAML
MERGE = "application/merge-patch+json"
# https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
# No second media type: a server that cannot send metadata alone refuses, and does not send the whole object.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PAGE = 500


class Api:
    """A client of the API server that acts as one identity.

    Args:
        configuration: the server's address, its certificate authority, and credentials.
        impersonate: a user to act as (`Impersonate-User`); empty for none.
        rediscover: reads the configuration again: address and certificate authority may change while the
            process lives.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        impersonate: str = "",
        rediscover: Callable[[], Configuration] | None = None,
    ) -> None:
        self._transport = Transport(configuration, rediscover)
        self._headers = {"Impersonate-User": impersonate} if impersonate else {}

    @retry_reads
    def get(
        self, path: str, query: Mapping[str, str | int] | None = None, *, accept: str = "application/json"
    ) -> Any:
        """Read one object or one page of a list.

        Args:
            path: the path.
            query: query parameters.
            accept: the media type to accept.

        Returns:
            The JSON.

        Raises:
            Failure: the server refused, or did not answer.
        """
        return self._request("GET", path, query, accept=accept)

    def items(self, path: str, *, selector: str = "", fields: str = "") -> Iterator[Any]:
        """List a collection, page by page.

        Args:
            path: the collection.
            selector: a label selector.
            fields: a field selector.

        Yields:
            Each object.

        Raises:
            Failure: a page could not be read, so the list is incomplete.
        """
        query: dict[str, str | int] = {"limit": _PAGE, **({"labelSelector": selector} if selector else {})}
        query |= {"fieldSelector": fields} if fields else {}
        while True:
            page = self.get(path, query)
            if not isinstance(page.get("items"), list):
                raise Unreachable(f"{path} did not answer with a list")
            yield from page.pop("items")  # so that no page is kept while the next one is read
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def post(self, path: str, body: Mapping[str, Any], *, manager: str = "coppice") -> Any:
        """Create an object.

        Args:
            path: the collection.
            body: the object.
            manager: the field manager.

        Returns:
            The object as it was created.

        Raises:
            Conflict: it exists.
            Failure: the server refused, or did not answer.
        """
        return self._request("POST", path, {"fieldManager": manager}, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Replace an object.

        Args:
            path: the object.
            body: the object as it shall be, with the resource version that was read.

        Returns:
            The object as it is now.

        Raises:
            Conflict: it has changed since it was read.
            Failure: the server refused, or did not answer.
        """
        return self._request("PUT", path, {"fieldManager": "coppice"}, body=body)

    def apply(self, path: str, body: Mapping[str, Any]) -> Any:
        """Apply an object by server-side apply, with force:
        https://kubernetes.io/docs/reference/using-api/server-side-apply/.

        Args:
            path: the object.
            body: the fields to apply.

        Returns:
            Its metadata alone, as `PartialObjectMetadata`: nothing else of it is used.

        Raises:
            Failure: the server refused, or did not answer.
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
        """Set some fields of an object by a JSON merge patch (RFC 7386).

        Args:
            path: the object.
            body: the patch.

        Returns:
            The object as it is now.

        Raises:
            Failure: the server refused, or did not answer.
        """
        return self._request("PATCH", path, {"fieldManager": "coppice"}, body=body, content=MERGE)

    def merge_dry_run(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make a JSON merge patch as a dry run, which persists nothing:
        https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run.

        Args:
            path: the object.
            body: the patch.

        Returns:
            The metadata that the object would have, as `PartialObjectMetadata`.

        Raises:
            Failure: the server refused, or did not answer.
        """
        query = {"fieldManager": "coppice", "dryRun": "All"}
        return self._request("PATCH", path, query, body=body, content=MERGE, accept=METADATA)

    def delete(self, path: str, *, uid: str = "", version: str = "") -> None:
        """Delete the object that was read. It is no error if the object is gone.

        Args:
            path: the object.
            uid: the uid that it must have.
            version: without a uid, the resource version that it must have.

        Raises:
            Conflict: the object has another uid, or another version.
            Failure: the server refused, or did not answer.
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
        headers = {**self._headers, "Accept": accept, "Content-Type": content, "User-Agent": _agent()}
        answer = self._transport.send(method, path, query, headers=headers, body=body)
        if not answer.document and answer.status in {200, 201, 202, 404}:  # a proxy's 404 proves no absence
            raise Unreachable(
                f"{method} {path}: an HTTP {answer.status} came, and not from the API server: look at what "
                "stands between, such as a proxy"
            )
        if 200 <= answer.status < 300:
            return answer.document
        wait = retry_after_seconds(answer.headers.get("Retry-After"))
        raise failure(f"{method} {path}", answer.status, answer.document, wait)


def _agent() -> str:
    """The program, and the correlation ID as a comment: the API server's audit log has both."""
    return f"coppice ({current()})" if current() else "coppice"
