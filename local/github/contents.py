"""Files of a branch over the REST API: reading one, and writing one as a commit.

A write names the blob that it replaces, so that nobody's change is overwritten unseen.
"""

import base64
import binascii
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.github.errors import GitHubError
from local.github.git import GitError
from local.github.repository import Entry, Repository

Json = dict[str, object]


def routes(repository: Repository, path: str, *, check: Callable[[Request], None]) -> list[Route]:
    """`GET` and `PUT` of `/contents/{path}`.

    Args:
        repository: whose files.
        path: the address of the contents.
        check: refuses a request without the right token, or for another repository.
    """
    answers = _Answers(repository, check)
    return [
        Route(path, answers.get),
        Route(path + "/{path:path}", answers.get),
        Route(path + "/{path:path}", answers.put, methods=["PUT"]),
    ]


@dataclass(frozen=True)
class _Answers:
    repository: Repository
    check: Callable[[Request], None]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, request: Request) -> Response:
        self.check(request)
        ref = request.query_params.get("ref", self.repository.default_branch)
        sha = self.repository.resolve(ref)
        if sha is None:
            raise GitHubError(404, f"No commit found for the ref {ref}")
        path = request.path_params.get("path", "").strip("/")
        entry = self.repository.entry(sha, path)
        if entry is None:
            raise GitHubError(404, "Not Found")
        if entry.type == "tree":
            return JSONResponse([self._json(request, each) for each in self.repository.folder(sha, path)])
        content = base64.encodebytes(self.repository.content(entry.sha)).decode()
        return JSONResponse(self._json(request, entry) | {"encoding": "base64", "content": content})

    async def put(self, request: Request) -> Response:
        self.check(request)
        try:
            asked = await request.json()
            message, text = asked["message"], asked["content"]
            content = base64.b64decode(text, validate=False)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise GitHubError(422, "Invalid request: message and base64 content are needed.") from error
        branch = asked.get("branch", self.repository.default_branch)
        return await run_in_threadpool(self._write, request, branch, message, content, asked.get("sha"))

    def _write(
        self, request: Request, branch: str, message: str, content: bytes, replaced: str | None
    ) -> Response:
        path = request.path_params["path"].strip("/")
        with self.lock:
            head = self.repository.head(branch)
            if head is None:
                raise GitHubError(404, f"Branch {branch} not found")
            standing = self.repository.entry(head, path)
            _check_replaced(path, standing, replaced)
            try:
                commit = self.repository.commit(branch, {path: content}, message, onto=head)
            except GitError as error:
                raise GitHubError(409, f"{branch} moved while it was written: {error}") from error
            entry = self.repository.entry(commit, path)
        assert entry is not None
        commit_json = {"sha": commit, "message": message, "url": self._url(request, f"git/commits/{commit}")}
        answer = {"content": self._json(request, entry), "commit": commit_json}
        return JSONResponse(answer, status_code=201 if standing is None else 200)

    def _url(self, request: Request, rest: str) -> str:
        return f"{request.base_url}repos/{self.repository.full_name}/{rest}"

    def _json(self, request: Request, entry: Entry) -> Json:
        return {
            "type": "dir" if entry.type == "tree" else "file",
            "name": entry.path.rsplit("/", 1)[-1],
            "path": entry.path,
            "sha": entry.sha,
            "size": entry.size,
            "url": self._url(request, f"contents/{entry.path}"),
        }


def _check_replaced(path: str, standing: Entry | None, replaced: str | None) -> None:
    if standing is not None and replaced is None:
        raise GitHubError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if replaced is not None and (standing is None or standing.sha != replaced):
        raise GitHubError(409, f"{path} does not match {replaced}")
