"""Protected branches: GitHub refuses to move them over its API, in the words of the rule that forbids it.

The protection is stored in the repository itself (`refs/protected/<branch>`, a blob with those words), as a
rename is. So any process can protect a branch. `git push` to the bare repository is still accepted.
"""

from devtools.emulators.github.git import git
from devtools.emulators.github.repository import PROTECTED, Repository

RULESET = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"
# The messages of classic branch protection rules, each alone or one after the other:
CLASSIC = "Changes must be made through a pull request."
REQUIRED_CHECKS = "3 of 3 required status checks are expected. At least one approved review is required"


def protect(repository: Repository, branch: str, *, says: str = RULESET) -> None:
    """Protect a branch, so that nobody can change it over the API.

    Args:
        repository: the branch's repository.
        branch: the branch's full name.
        says: GitHub's message for a refused change.
    """
    blob = git(repository.path, "hash-object", "-w", "--stdin", stdin=says.encode()).decode().strip()
    git(repository.path, "update-ref", PROTECTED + branch, blob)


def unprotect(repository: Repository, branch: str) -> None:
    """Remove a branch's protection; it may be gone already."""
    git(repository.path, "update-ref", "-d", PROTECTED + branch)
