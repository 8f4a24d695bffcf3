"""The filter that decides which branches may have an environment.

It returns the reason for a refusal, because the webhook, the sweep and the API all have to state it.
"""

from fnmatch import fnmatchcase


def included(
    branch: str, include: tuple[str, ...], exclude: tuple[str, ...], default_branch: str | None
) -> str | None:
    """Return why a branch gets no environment.

    A pattern is a glob over the whole branch name, as in `git branch --list`. It is case-sensitive, and `*`
    matches `/` too, so that `dependabot/*` covers `dependabot/npm/x`.

    Args:
        branch: the full branch name.
        include: setting `BRANCHES_INCLUDE`; at least one pattern must match.
        exclude: setting `BRANCHES_EXCLUDE`; no pattern may match.
        default_branch: the repository's default branch; `None` if it is not known.

    Returns:
        The reason as a sentence; `None` if the branch gets an environment.
    """
    if branch == default_branch:
        return f"{branch!r} is the repository's default branch, which never gets an environment."
    for pattern in exclude:
        if fnmatchcase(branch, pattern):
            return f"{branch!r} matches {pattern!r} in BRANCHES_EXCLUDE."
    if not any(fnmatchcase(branch, pattern) for pattern in include):
        return f"{branch!r} matches nothing in BRANCHES_INCLUDE ({', '.join(include)})."
    return None
