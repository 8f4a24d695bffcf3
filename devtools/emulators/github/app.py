"""The emulator of GitHub's REST API as an application, to serve in a test or as a process.

State is the bare repositories themselves: a push to one is seen by the next request.
"""

import http
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devtools.emulators.emulator import Emulator
from devtools.emulators.github import contents, git_data
from devtools.emulators.github.errors import GitHubError, body, failure_body
from devtools.emulators.github.repository import Commit, Repository

_MOST_PER_PAGE = 100


def github_app(*repositories: Repository, token: str = "") -> Emulator:
    """Return an emulator of GitHub's REST API for the given repositories, as far as Coppice uses it.

    Args:
        repositories: the existing repositories, at least one; any other name is a 404.
        token: the token that a request must send as `Authorization: Bearer …` or `token …`; if it is empty,
            no token is required.

    Returns:
        The application.
    """
    answers = _Answers(repositories, token)
    here = "/repos/{owner}/{name}"
    app = Starlette(
        routes=[
            Route("/app/installations/{installation}/access_tokens", answers.sign_in, methods=["POST"]),
            Route(here, answers.repo),
            Route(here + "/branches", answers.list_branches),
            Route(here + "/branches/{branch:path}", answers.get_branch),
            Route(here + "/commits/{ref:path}", answers.get_commit),
            Route(here + "/tarball/{ref:path}", answers.tarball),
            Route("/_codeload/{owner}/{name}/legacy.tar.gz/{ref:path}", answers.codeload),
            *contents.routes(here + "/contents", check=answers.check),
            *git_data.routes(here + "/git", check=answers.check),
        ],
        exception_handlers={GitHubError: _refused, HTTPException: _unknown},
        middleware=[Middleware(_RateLimit)],
    )
    app.router.redirect_slashes = False
    return Emulator(app, state=lambda: _state(repositories), error=failure_body)


def _state(repositories: Sequence[Repository]) -> dict[str, object]:
    """Return the emulator's state: the first repository is the one whose branches get environments."""
    branches = {repository.full_name: repository.branches() for repository in repositories}
    return {"branches": branches[repositories[0].full_name], "repositories": branches}


@dataclass(frozen=True)
class _Answers:
    repositories: Sequence[Repository]
    token: str
    download_token: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def check(self, request: Request) -> Repository:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if self.token and (scheme.casefold() not in {"bearer", "token"} or token != self.token):
            raise GitHubError(401, "Bad credentials")
        return self.named(request)

    def named(self, request: Request) -> Repository:
        asked = f"{request.path_params['owner']}/{request.path_params['name']}".casefold()
        for repository in self.repositories:
            if repository.full_name.casefold() == asked:
                return repository
        raise GitHubError(404, "Not Found")

    def sign_in(self, request: Request) -> Response:
        """Exchange a GitHub App's signed token for an installation token that is valid for one hour.

        The signature is not checked.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token.count(".") != 2:
            raise GitHubError(401, "A JSON web token could not be decoded")
        expires = (datetime.now(tz=UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return JSONResponse({"token": self.token or "any", "expires_at": expires}, status_code=201)

    def repo(self, request: Request) -> Response:
        repository = self.check(request)
        return JSONResponse(
            {
                "id": 186853002,
                "name": repository.name,
                "full_name": repository.full_name,
                "private": True,
                "owner": {"login": repository.owner, "id": 21031067, "type": "Organization"},
                "url": _url(request, repository),
                "html_url": f"https://github.com/{repository.full_name}",
                "default_branch": repository.default_branch,
                "permissions": {"admin": False, "push": True, "pull": True},
            }
        )

    def list_branches(self, request: Request) -> Response:
        repository = self.check(request)
        size = min(_number(request, "per_page", 30), _MOST_PER_PAGE)
        page = _number(request, "page", 1)
        branches = list(repository.branches().items())
        shown = branches[(page - 1) * size : page * size]
        items = [_branch_json(request, repository, name, {"sha": sha}) for name, sha in shown]
        return JSONResponse(items, headers=_links(request, page=page, pages=-(-len(branches) // size)))

    def get_branch(self, request: Request) -> Response:
        repository = self.check(request)
        name = request.path_params["branch"]
        sha = repository.head(name)
        if sha is None:
            return _moved(request, repository, name)
        commit = _commit_json(_url(request, repository), repository.describe(sha))
        return JSONResponse(_branch_json(request, repository, name, commit))

    def get_commit(self, request: Request) -> Response:
        repository = self.check(request)
        ref = request.path_params["ref"]
        sha = repository.resolve(ref)
        if sha is None:
            raise GitHubError(422, f"No commit found for SHA: {ref}")
        return JSONResponse(_commit_json(_url(request, repository), repository.describe(sha)))

    def tarball(self, request: Request) -> Response:
        """Redirect to the archive; like GitHub, do not check that the ref exists."""
        repository = self.check(request)
        ref = quote(request.path_params["ref"], safe="")
        location = f"{request.base_url}_codeload/{repository.full_name}/legacy.tar.gz/{ref}"
        query = f"?token={self.download_token}" if self.token else ""
        return RedirectResponse(location + query, status_code=302)

    def codeload(self, request: Request) -> Response:
        """Return the archive of a ref.

        The URL contains a token of its own, because clients drop theirs when they follow a redirect.
        """
        repository = self.named(request)
        sha = repository.resolve(request.path_params["ref"])
        allowed = not self.token or request.query_params.get("token") == self.download_token
        if sha is None or not allowed:
            raise GitHubError(404, "Not Found")
        return Response(repository.archive(sha), media_type="application/x-gzip")


class _RateLimit:
    """Middleware that adds the rate limit headers; the limit is never reached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                reset = str(int(time.time()) + 3600)
                limits = {
                    "limit": "5000",
                    "remaining": "4999",
                    "used": "1",
                    "reset": reset,
                    "resource": "core",
                }
                added = [(f"x-ratelimit-{name}".encode(), value.encode()) for name, value in limits.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, with_headers)


def _url(request: Request, repository: Repository) -> str:
    return f"{request.base_url}repos/{repository.full_name}"


def _moved(request: Request, repository: Repository, old: str) -> Response:
    new = repository.renamed_to(old)
    if new is None:
        raise GitHubError(404, "Branch not found")
    location = f"{_url(request, repository)}/branches/{quote(new)}"
    moved = {"message": "Moved Permanently", "url": location}
    return JSONResponse(moved, status_code=301, headers={"Location": location})


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return max(1, int(text)) if text.isdecimal() else default


def _links(request: Request, *, page: int, pages: int) -> dict[str, str]:
    targets = {"prev": page - 1, "next": page + 1, "last": pages, "first": 1}
    shown = [
        f'<{request.url.include_query_params(page=target)}>; rel="{relation}"'
        for relation, target in targets.items()
        if 1 <= target <= pages and (target > page) == (relation in {"next", "last"}) and target != page
    ]
    return {"Link": ", ".join(shown)} if shown else {}


def _branch_json(
    request: Request, repository: Repository, name: str, commit: Mapping[str, object]
) -> dict[str, object]:
    located = {**commit, "url": f"{_url(request, repository)}/commits/{commit['sha']}"}
    return {"name": name, "commit": located, "protected": repository.refusal(name) is not None}


def _commit_json(url: str, commit: Commit) -> dict[str, object]:
    person = {"name": commit.author, "email": commit.email, "date": commit.date}
    return {
        "sha": commit.sha,
        "url": f"{url}/commits/{commit.sha}",
        "commit": {
            "author": person,
            "committer": person,
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
        },
        "parents": [{"sha": parent, "url": f"{url}/commits/{parent}"} for parent in commit.parents],
    }


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, GitHubError)
    return JSONResponse(body(error.status, error.message), status_code=error.status)


def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # GitHub never answers 405: a method that a URL does not support is a 404.
    status = 404 if error.status_code == 405 else error.status_code
    return JSONResponse(body(status, http.HTTPStatus(status).phrase), status_code=status)
