"""Git's own objects over the REST API: https://docs.github.com/rest/git.

Several files become one commit that nobody sees until a branch is moved to it, and a branch is moved only
forward, unless forced.
"""

import re
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devtools.emulators.github import refs
from devtools.emulators.github.errors import GitHubError
from devtools.emulators.github.git import GitError, git
from devtools.emulators.github.repository import Repository

Json = dict[str, object]
_Endpoint = Callable[[Request], Awaitable[Response]]

_SHA = re.compile(r"[0-9a-f]{40}")


def routes(path: str, *, check: Callable[[Request], Repository]) -> list[Route]:
    """Return the routes for commits, trees and refs.

    Args:
        path: the URL path of the Git database.
        check: returns the repository of a request; raises for a request without the right token, or for
            another repository.
    """

    def endpoint(answer: Callable[["_Call"], Response]) -> _Endpoint:
        async def serve(request: Request) -> Response:
            repository = check(request)
            asked = await _asked(request)
            root = f"{request.base_url}repos/{repository.full_name}/git"
            call = _Call(repository=repository, root=root, params=request.path_params, asked=asked)
            return await run_in_threadpool(answer, call)

        return serve

    return [
        Route(path + "/commits/{sha}", endpoint(_get_commit)),
        Route(path + "/commits", endpoint(_create_commit), methods=["POST"]),
        Route(path + "/trees", endpoint(_create_tree), methods=["POST"]),
        Route(path + "/trees/{sha}", endpoint(_get_tree)),
        Route(path + "/ref/heads/{branch:path}", endpoint(_get_ref)),
        Route(path + "/matching-refs/{start:path}", endpoint(_matching_refs)),
        Route(path + "/refs/heads/{branch:path}", endpoint(_update_ref), methods=["PATCH"]),
    ]


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A request; `root` is the URL path of the Git database."""

    repository: Repository
    root: str
    params: Mapping[str, str]
    asked: Mapping[str, object]

    def git(self, *arguments: str, stdin: str = "", index: str = "") -> str:
        extra = {"GIT_INDEX_FILE": index} if index else None
        return git(self.repository.path, *arguments, stdin=stdin.encode(), extra=extra).decode().strip()

    def is_a(self, kind: str, sha: object) -> bool:
        try:
            return bool(_SHA.fullmatch(str(sha))) and self.git("cat-file", "-t", str(sha)) == kind
        except GitError:
            return False


async def _asked(request: Request) -> Mapping[str, object]:
    if request.method == "GET":
        return {}
    try:
        asked = await request.json()
    except ValueError:
        raise GitHubError(400, "Problems parsing JSON") from None
    if not isinstance(asked, dict):
        raise GitHubError(400, "Body should be a JSON object")
    return asked


def _get_commit(call: _Call) -> Response:
    if not call.is_a("commit", call.params["sha"]):
        raise GitHubError(404, "Not Found")
    return JSONResponse(_commit_json(call, call.params["sha"]))


def _create_commit(call: _Call) -> Response:
    message, tree, parents = (call.asked.get(field) for field in ("message", "tree", "parents"))
    if not isinstance(message, str) or not isinstance(parents, list):
        raise GitHubError(422, "Invalid request.\n\nmessage and parents are needed.")
    if not call.is_a("tree", tree):
        raise GitHubError(422, "Tree SHA does not exist")
    if not all(call.is_a("commit", parent) for parent in parents):
        raise GitHubError(422, "Parent SHA does not exist or is not a commit object")
    before = [word for parent in parents for word in ("-p", str(parent))]
    sha = call.git("commit-tree", *before, "-F", "-", str(tree), stdin=message)
    return JSONResponse(_commit_json(call, sha), status_code=201)


def _create_tree(call: _Call) -> Response:
    base, entries = call.asked.get("base_tree"), call.asked.get("tree")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise GitHubError(422, "Invalid tree info")
    if base is not None and not (call.is_a("tree", base) or call.is_a("commit", base)):
        raise GitHubError(422, "base_tree is not a tree oid")
    with tempfile.TemporaryDirectory() as scratch:
        index = f"{scratch}/index"
        if base is not None:
            call.git("read-tree", str(base), index=index)
        lines = "".join(_index_line(call, entry) for entry in entries)
        call.git("update-index", "-z", "--index-info", stdin=lines, index=index)
        sha = call.git("write-tree", index=index)
    return JSONResponse(_tree_json(call, sha), status_code=201)


def _get_tree(call: _Call) -> Response:
    if not call.is_a("tree", call.params["sha"]):
        raise GitHubError(404, "Not Found")
    return JSONResponse(_tree_json(call, call.params["sha"]))


def _tree_json(call: _Call, sha: str) -> Json:
    listed = [_tree_entry(call, line) for line in call.git("ls-tree", "-z", sha).split("\0")[:-1]]
    return {"sha": sha, "url": f"{call.root}/trees/{sha}", "tree": listed, "truncated": False}


def _index_line(call: _Call, entry: Mapping[str, object]) -> str:
    path, mode, content, sha = (entry.get(field) for field in ("path", "mode", "content", "sha"))
    if not isinstance(path, str) or mode not in {"100644", "100755", "120000"}:
        raise GitHubError(422, "tree.path and tree.mode of a file are needed")
    if "\0" in path or not {"", ".", "..", ".git"}.isdisjoint(path.split("/")):
        raise GitHubError(422, "tree.path contains a malformed path component")
    if isinstance(content, str):
        sha = call.git("hash-object", "-w", "--stdin", stdin=content)
    elif "sha" in entry and sha is None:
        return f"0 {'0' * 40}\t{path}\0"
    elif not call.is_a("blob", sha):
        raise GitHubError(422, "tree.sha is not a valid blob")
    return f"{mode} {sha}\t{path}\0"


def _tree_entry(call: _Call, line: str) -> Json:
    facts, path = line.split("\t", 1)
    mode, kind, sha = facts.split()
    return {"path": path, "mode": mode, "type": kind, "sha": sha, "url": f"{call.root}/{kind}s/{sha}"}


def _get_ref(call: _Call) -> Response:
    branch = call.params["branch"]
    sha = call.repository.head(branch)
    if sha is None:
        _check_not_empty(call)
        raise GitHubError(404, "Not Found")
    return JSONResponse(_ref_json(call, refs.branch(branch, sha)))


def _matching_refs(call: _Call) -> Response:
    """List all refs whose names begin so, on one page: GitHub heeds no `per_page` here.

    A list that is asked for with the full name of a branch also has the branches with longer names.
    """
    _check_not_empty(call)
    found = refs.matching_refs(call.repository, f"refs/{call.params['start']}")
    return JSONResponse([_ref_json(call, ref) for ref in found])


def _check_not_empty(call: _Call) -> None:
    """Refuse as GitHub's Git database does if the repository has no commit, whatever was asked for."""
    if not call.repository.branches():
        raise GitHubError(409, "Git Repository is empty.")


def _update_ref(call: _Call) -> Response:
    branch, sha = call.params["branch"], call.asked.get("sha")
    standing = call.repository.head(branch)
    if standing is None:
        raise GitHubError(422, "Reference does not exist")
    if not call.is_a("commit", sha):
        raise GitHubError(422, "Object does not exist")
    if call.asked.get("force") is not True and not _descends(call, str(sha), standing):
        raise GitHubError(422, "Update is not a fast forward")
    refused = call.repository.refusal(branch)
    if refused is not None:
        raise GitHubError(422, refused)
    try:
        call.git("update-ref", f"refs/heads/{branch}", str(sha), standing)
    except GitError:  # the branch changed between the check and the update
        raise GitHubError(422, "Update is not a fast forward") from None
    return JSONResponse(_ref_json(call, refs.branch(branch, str(sha))))


def _descends(call: _Call, sha: str, ancestor: str) -> bool:
    try:
        call.git("merge-base", "--is-ancestor", ancestor, sha)
    except GitError:
        return False
    return True


def _ref_json(call: _Call, ref: refs.Ref) -> Json:
    points_to = {"type": ref.type, "sha": ref.sha, "url": f"{call.root}/{ref.type}s/{ref.sha}"}
    return {"ref": ref.name, "url": f"{call.root}/{ref.name}", "object": points_to}


def _commit_json(call: _Call, sha: str) -> Json:
    commit = call.repository.describe(sha)
    person = {"name": commit.author, "email": commit.email, "date": commit.date}
    return {
        "sha": sha,
        "url": f"{call.root}/commits/{sha}",
        "author": person,
        "committer": person,
        "tree": {"sha": commit.tree, "url": f"{call.root}/trees/{commit.tree}"},
        "message": commit.message,
        "parents": [{"sha": parent, "url": f"{call.root}/commits/{parent}"} for parent in commit.parents],
    }
