"""Protected branches: GitHub refuses to move them over its API, in the words of the rule that forbids it.

The protection is stored in the repository itself (`refs/protected/<branch>`, a blob with those words), as a
rename is. So any process can protect a branch. `git push` to the bare repository is still accepted.
"""

from devtools.emulators.github.git import git
from devtools.emulators.github.repository import PROTECTED, Repository

RULESET = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"
# What rules of the older kind say, each by itself or one after the other:
CLASSIC = "Changes must be made through a pull request."
REQUIRED_CHECKS = "3 of 3 required status checks are expected. At least one approved review is required"


def protect(repository: Repository, branch: str, *, says: str = RULESET) -> None:
    """Let nobody move a branch over the API.

    Args:
        repository: its repository.
        branch: its full name.
        says: what GitHub answers then.
    """
    blob = git(repository.path, "hash-object", "-w", "--stdin", stdin=says.encode()).decode().strip()
    git(repository.path, "update-ref", PROTECTED + branch, blob)


def unprotect(repository: Repository, branch: str) -> None:
    """Take the protection away; one that is gone by then is no error."""
    git(repository.path, "update-ref", "-d", PROTECTED + branch)
