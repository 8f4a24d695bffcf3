"""Files of a branch over the REST API: reading one, and writing one as a commit.

A write names the blob that it replaces, so that nobody's change is overwritten unseen.
"""

import base64
import binascii
import posixpath
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devtools.emulators.github.errors import GitHubError
from devtools.emulators.github.git import GitError
from devtools.emulators.github.repository import Entry, Repository

Json = dict[str, object]

_LINK = "120000"


def routes(path: str, *, check: Callable[[Request], Repository]) -> list[Route]:
    """Return the routes for `GET` and `PUT` of `/contents/{path}`.

    Args:
        path: the URL path of the contents.
        check: returns the repository of a request; raises for a request without the right token, or for
            another repository.
    """
    answers = _Answers(check)
    return [
        Route(path, answers.get),
        Route(path + "/{path:path}", answers.get),
        Route(path + "/{path:path}", answers.put, methods=["PUT"]),
    ]


@dataclass(frozen=True)
class _Answers:
    check: Callable[[Request], Repository]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, request: Request) -> Response:
        repository = self.check(request)
        ref = request.query_params.get("ref", repository.default_branch)
        sha = repository.resolve(ref)
        if sha is None:
            raise GitHubError(404, f"No commit found for the ref {ref}")
        path = request.path_params.get("path", "").strip("/")
        entry = repository.entry(sha, path)
        if entry is None:
            raise GitHubError(404, "Not Found")
        target = _target(repository, sha, entry)
        if target is not None:
            entry = replace(target, path=path)
        if entry.type == "tree":
            return JSONResponse([_json(request, repository, each) for each in repository.folder(sha, path)])
        content = base64.encodebytes(repository.content(entry.sha)).decode()
        return JSONResponse(_json(request, repository, entry) | {"encoding": "base64", "content": content})

    async def put(self, request: Request) -> Response:
        repository = self.check(request)
        try:
            asked = await request.json()
            message, text = asked["message"], asked["content"]
            content = base64.b64decode(text, validate=False)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise GitHubError(422, "Invalid request: message and base64 content are needed.") from error
        branch = asked.get("branch", repository.default_branch)
        return await run_in_threadpool(
            self._write,
            request,
            repository,
            branch,
            message=message,
            content=content,
            replaced=asked.get("sha"),
        )

    def _write(
        self,
        request: Request,
        repository: Repository,
        branch: str,
        *,
        message: str,
        content: bytes,
        replaced: str | None,
    ) -> Response:
        path = request.path_params["path"].strip("/")
        with self.lock:
            head = repository.head(branch)
            if head is None:
                raise GitHubError(404, f"Branch {branch} not found")
            standing = repository.entry(head, path)
            _check_replaced(path, standing, replaced)
            refused = repository.refusal(branch)
            if refused is not None:
                raise GitHubError(409, refused)
            try:
                commit = repository.commit(branch, {path: content}, message, onto=head)
            except GitError as error:
                raise GitHubError(409, f"{branch} moved while it was written: {error}") from error
            entry = repository.entry(commit, path)
        assert entry is not None
        commit_json = {
            "sha": commit,
            "message": message,
            "url": _url(request, repository, f"git/commits/{commit}"),
        }
        answer = {"content": _json(request, repository, entry), "commit": commit_json}
        return JSONResponse(answer, status_code=201 if standing is None else 200)


def _target(repository: Repository, sha: str, entry: Entry) -> Entry | None:
    """Return the file that a symbolic link points to, or None.

    See https://docs.github.com/rest/repos/contents.
    """
    if entry.mode != _LINK:
        return None
    leads_to = repository.content(entry.sha).decode(errors="replace")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), leads_to))
    found = None if path.startswith((".", "/")) else repository.entry(sha, path)
    return found if found is not None and found.type == "blob" and found.mode != _LINK else None


def _url(request: Request, repository: Repository, rest: str) -> str:
    return f"{request.base_url}repos/{repository.full_name}/{rest}"


def _json(request: Request, repository: Repository, entry: Entry) -> Json:
    return {
        "type": "dir" if entry.type == "tree" else "file",
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": _url(request, repository, f"contents/{entry.path}"),
    }


def _check_replaced(path: str, standing: Entry | None, replaced: str | None) -> None:
    if standing is not None and replaced is None:
        raise GitHubError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if replaced is not None and (standing is None or standing.sha != replaced):
        raise GitHubError(409, f"{path} does not match {replaced}")
