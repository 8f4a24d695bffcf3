"""The settings about GitHub."""

from typing import Annotated, ClassVar

from pydantic import Field

from app.settings.declaration import Section, Setting
from app.settings.values import Listed, Repositories, RepositoryName, SecureUrl


class GitHubSettings(Section):
    """The repository, how the program signs in to it, and which of its branches get environments."""

    title: ClassVar[str] = "GitHub"

    github_repository: Annotated[
        RepositoryName,
        Setting(
            "`owner/name` of the repository whose branches get environments",
            example="acme/todo-app",
        ),
    ]
    former_repositories: Annotated[
        Repositories,
        Setting(
            "what the repository was called before it was renamed or moved to another owner: "
            "what bears one of these names counts as its own",
            example="acme/todo,old-owner/todo-app",
        ),
    ] = ()
    github_api_url: Annotated[
        SecureUrl,
        Setting(
            "base of the REST API; https, or http on a loopback address",
            example="https://github.example.com/api/v3",
        ),
    ] = "https://api.github.com"
    github_token: Annotated[
        str,
        Setting(
            "a token that may read contents; this, or the three of a GitHub App",
            example="github_pat_…",
        ),
    ] = ""
    github_app_id: Annotated[str, Setting("the app's id", example="123456")] = ""
    github_app_installation_id: Annotated[
        str, Setting("the number of its installation", example="98765432")
    ] = ""
    github_app_private_key: Annotated[
        str, Setting("its private key, PEM", example="-----BEGIN RSA PRIVATE KEY-----…")
    ] = ""
    github_webhook_secret: Annotated[
        str,
        Field(min_length=8),
        Setting(
            "the webhook's HMAC key, 8 characters at least",
            example="thirty-two-random-bytes-in-hex",
            shown_example="what `openssl rand -hex 32` prints",
        ),
    ]
    branches_include: Annotated[
        Listed,
        Setting(
            "globs of the branches that get environments; the default branch never does",
            example="feature/*,fix/*",
        ),
    ] = ("*",)
    branches_exclude: Annotated[
        Listed, Setting("globs of those that do not, whatever includes them", example="release/*")
    ] = ("release/*", "dependabot/*", "renovate/*", "gh-readonly-queue/*")
