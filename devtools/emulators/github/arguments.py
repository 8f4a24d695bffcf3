"""How repositories are named on a command line."""

import argparse
from pathlib import Path

from devtools.emulators.github.repository import Repository


def repository(text: str) -> Repository:
    """Parse `OWNER/NAME=PATH`: a bare repository, and its name on GitHub.

    Args:
        text: the argument.

    Returns:
        The repository.

    Raises:
        ArgumentTypeError: the text has another form.
    """
    name, _, path = text.partition("=")
    if not path or name.count("/") != 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected OWNER/NAME=PATH")
    return Repository(path=Path(path), full_name=name)
