"""The emulator of GitHub in this process, and PyGithub pointed at it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from github import Auth, Github
from github.Repository import Repository as PyGithubRepository

from devtools.emulators.emulator import Emulator
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.serving import serving

TOKEN = "ghs_0123456789"


@dataclass(frozen=True, kw_only=True)
class GitHub:
    repository: Repository
    emulator: Emulator
    url: str
    client: Callable[[str], Github]

    @property
    def repo(self) -> PyGithubRepository:
        return self.client(TOKEN).get_repo("acme/todo-app")


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    folder = tmp_path / "seed"
    (folder / "manifests/base").mkdir(parents=True)
    (folder / "manifests/base/deployment.yaml").write_text("kind: Deployment\n")
    (folder / "README.md").write_text("# todo-app\n")
    return folder


@pytest.fixture
def repository(tmp_path: Path, seed: Path) -> Repository:
    return create(tmp_path / "todo-app.git", seed)


@pytest.fixture
def github(repository: Repository) -> Iterator[GitHub]:
    clients: list[Github] = []
    emulator = github_app(repository, token=TOKEN)
    with serving(emulator) as url:

        def client(token: str) -> Github:
            clients.append(
                Github(base_url=url, auth=Auth.Token(token), retry=None, seconds_between_requests=None)
            )
            return clients[-1]

        yield GitHub(repository=repository, emulator=emulator, url=url, client=client)
        for each in clients:
            each.close()
