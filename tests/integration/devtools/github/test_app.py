"""The REST API, through PyGithub."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from github import BadCredentialsException, GithubException, UnknownObjectException
from github.Auth import AppAuth

from devtools.emulators.emulator import Failure
from devtools.emulators.github.git import environment

TOKEN = "ghs_0123456789"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
HOSTILE = ['x";drop-database;--', "feature/ü", "a%2Fb", "a+b", "$(id)"]


def archive(url: str) -> list[str]:
    answer = httpx.get(url).raise_for_status()
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as files:
        return files.getnames()


def test_the_repository_tells_its_default_branch(github: Any) -> None:
    assert (github.repo.full_name, github.repo.default_branch) == ("acme/todo-app", "main")


def test_another_repository_is_not_found(github: Any) -> None:
    with pytest.raises(UnknownObjectException) as error:
        github.client(TOKEN).get_repo("acme/other")
    assert error.value.data["message"] == "Not Found"


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_or_missing_token_is_refused(github: Any, token: str) -> None:
    headers = {"Authorization": f"token {token}"} if token else {}
    answer = httpx.get(f"{github.url}/repos/acme/todo-app", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
    with pytest.raises(BadCredentialsException):
        github.client(token or "none").get_repo("acme/todo-app")


def test_every_answer_tells_the_rate_limit(github: Any) -> None:
    answer = httpx.get(f"{github.url}/repos/acme/other", headers=HEADERS)
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("5000", "4999")


@pytest.mark.parametrize("branch", ["feature/new-login", *HOSTILE])
def test_a_branch_is_found_by_its_whole_name(github: Any, branch: str) -> None:
    sha = github.repository.commit(branch, {"file": b""}, "A change")
    found = github.repo.get_branch(branch)
    assert (found.name, found.commit.sha, found.commit.commit.message) == (branch, sha, "A change")


def test_a_slash_in_a_branchs_name_may_be_encoded(github: Any) -> None:
    github.repository.commit("feature/new-login", {"file": b""}, "A change")
    encoded = quote("feature/new-login", safe="")
    answer = httpx.get(f"{github.url}/repos/acme/todo-app/branches/{encoded}", headers=HEADERS)
    assert answer.json()["name"] == "feature/new-login"


@pytest.mark.parametrize(
    "branch", ["feature", "feature/new-login~0", "main^{commit}", "refs/heads/main", "a\0b"]
)
def test_what_is_not_the_whole_name_of_a_branch_is_not_found(github: Any, branch: str) -> None:
    github.repository.commit("feature/new-login", {"file": b""}, "A change")
    with pytest.raises(UnknownObjectException) as error:
        github.repo.get_branch(branch)
    assert error.value.data["message"] == "Branch not found"


def test_a_renamed_branch_answers_with_the_new_one(github: Any) -> None:
    github.repository.commit("feature/old", {"file": b""}, "A change")
    github.repository.rename("feature/old", "feature/new")
    answer = httpx.get(f"{github.url}/repos/acme/todo-app/branches/feature/old", headers=HEADERS)
    assert (answer.status_code, answer.headers["Location"].rsplit("/", 1)[1]) == (301, "new")
    assert github.repo.get_branch("feature/old").name == "feature/new"


def test_a_branch_made_anew_under_a_renamed_name_is_itself_again(github: Any) -> None:
    github.repository.commit("feature/old", {"file": b""}, "A change")
    github.repository.rename("feature/old", "feature/new")
    github.repository.commit("feature/old", {"file": b"x"}, "Another")
    assert github.repo.get_branch("feature/old").name == "feature/old"


@pytest.mark.parametrize("size", [1, 2, 30])
def test_branches_are_listed_page_by_page(github: Any, size: int) -> None:
    for name in ("feature/a", "feature/b", "z"):
        github.repository.commit(name, {"file": b""}, "A change")
    github.repo.requester.per_page = size
    listed = {branch.name: branch.commit.sha for branch in github.repo.get_branches()}
    assert listed == github.repository.branches()


def test_a_page_links_to_its_neighbours(github: Any) -> None:
    for name in ("feature/a", "feature/b"):
        github.repository.commit(name, {"file": b""}, "A change")
    link = f"{github.url}/repos/acme/todo-app/branches?per_page=1&page=2"
    links = httpx.get(link, headers=HEADERS).links
    pages = {relation: httpx.URL(target["url"]).params["page"] for relation, target in links.items()}
    assert pages == {"prev": "1", "next": "3", "last": "3", "first": "1"}


def test_the_archive_of_a_commit_lies_in_one_folder(github: Any) -> None:
    sha = github.repository.commit("feature/a", {"manifests/extra.yaml": b"a: 1\n"}, "A change")
    names = archive(github.repo.get_archive_link("tarball", ref=sha))
    assert names[0] == f"acme-todo-app-{sha[:7]}"
    assert f"acme-todo-app-{sha[:7]}/manifests/extra.yaml" in names


def test_a_link_to_an_archive_does_not_prove_that_the_ref_exists(github: Any) -> None:
    link = github.repo.get_archive_link("tarball", ref="feature/unknown")
    assert httpx.get(link).status_code == 404


def test_an_archive_is_not_to_be_had_without_the_link(github: Any) -> None:
    link = github.repo.get_archive_link("tarball", ref="main")
    assert httpx.get(link.split("?")[0]).status_code == 404


def test_a_commit_is_found_by_its_id(github: Any) -> None:
    sha = github.repository.commit("feature/a", {"file": b""}, "A change")
    commit = github.repo.get_commit(sha)
    assert (commit.commit.message, commit.parents[0].sha) == ("A change", github.repository.head("main"))
    with pytest.raises(GithubException) as error:
        github.repo.get_commit("f" * 40)
    assert error.value.status == 422


def test_a_github_app_signs_in_for_an_hour(github: Any) -> None:
    # The key is never checked; PyGithub takes any function that signs.
    auth = AppAuth(1, sign_func=lambda payload: f"e30.{payload['iss']}.e30").get_installation_auth(
        2, requester=github.client(TOKEN).requester
    )
    answer = httpx.get(f"{github.url}/repos/acme/todo-app", headers={"Authorization": f"token {auth.token}"})
    assert answer.status_code == 200


def test_a_failure_that_was_asked_for_is_answered_in_githubs_shape(github: Any) -> None:
    repo = github.repo
    github.emulator.fail(Failure(status=404, path_prefix="/repos/acme/todo-app/branches"))
    with pytest.raises(UnknownObjectException) as error:
        repo.get_branch("main")
    assert error.value.data["message"] == "Not Found"
    assert repo.get_branch("main").name == "main"
    assert [exchange.status for exchange in github.emulator.requests[-2:]] == [404, 200]


def test_a_process_of_its_own_sees_what_is_pushed(tmp_path: Path, seed: Path) -> None:
    bare = tmp_path / "own.git"
    command = [
        sys.executable,
        "-m",
        "devtools.emulators.github",
        "--repository",
        str(bare),
        "--seed",
        str(seed),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        branch = ["git", "--git-dir", str(bare), "branch", "feature/pushed", "main"]
        subprocess.run(branch, env=environment(), check=True)
        answer = httpx.get(f"{ready['url']}/repos/acme/todo-app/branches/feature/pushed")
        state = httpx.get(f"{ready['url']}/_emulator/state").json()
        process.terminate()
    assert (ready["name"], answer.status_code) == ("github", 200)
    assert list(state["branches"]) == ["feature/pushed", "main"]
