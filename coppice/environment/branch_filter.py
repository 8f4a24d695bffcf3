"""Which branches get an environment at all.

The answer is the reason, since the webhook, the sweep and the API all have to say it.
"""

from fnmatch import fnmatchcase


def included(
    branch: str, include: tuple[str, ...], exclude: tuple[str, ...], default_branch: str | None
) -> str | None:
    """Say why a branch gets no environment.

    A pattern is a glob over the whole name as in `git branch --list`: case counts, and `*` matches `/` too,
    so that `dependabot/*` covers `dependabot/npm/x`.

    Args:
        branch: the full branch name.
        include: setting `BRANCHES_INCLUDE`; at least one must match.
        exclude: setting `BRANCHES_EXCLUDE`; none may match.
        default_branch: the repository's, or None where it is not known.

    Returns:
        None if it gets one, else the reason as a sentence.
    """
    if branch == default_branch:
        return f"{branch!r} is the repository's default branch, which never gets an environment."
    for pattern in exclude:
        if fnmatchcase(branch, pattern):
            return f"{branch!r} matches {pattern!r} in BRANCHES_EXCLUDE."
    if not any(fnmatchcase(branch, pattern) for pattern in include):
        return f"{branch!r} matches nothing in BRANCHES_INCLUDE ({', '.join(include)})."
    return None
