"""Git's rules for branch names: `refs/heads/<branch>`, judged as `git check-ref-format` does.

https://git-scm.com/docs/git-check-ref-format
"""

import re

# Each pattern with the message for people. A name must match none of them.
_FORBIDDEN = (
    (re.compile(r"[\x00-\x20\x7f~^:?*\[\\]"), "holds {0!r}"),
    (re.compile(r"\.\.|@\{"), "holds {0!r}"),
    (re.compile(r"^/|//|/\Z"), "begins or ends with '/', or holds two of them in a row"),
    (re.compile(r"(?:^|/)\."), "has a part that begins with '.'"),
    (re.compile(r"\.lock(?=/|\Z)"), "has a part that ends in '.lock'"),
    (re.compile(r"\.\Z"), "ends with '.'"),
)


def check(branch: str) -> None:
    """Check that Git allows a branch name.

    Args:
        branch: the full branch name, without `refs/heads/`.

    Raises:
        ValueError: Git does not allow it, and why.
    """
    if not branch:
        raise ValueError("Git has no branch without a name.")
    for pattern, why in _FORBIDDEN:
        found = pattern.search(branch)
        if found:
            raise ValueError(f"Git has no branch {branch!r}: it {why.format(found[0])}.")
