"""The contents of a script root: the module with the app, and host.json."""

import importlib
import os
import sys
from pathlib import Path

import azure.functions as func

from devtools.host.settings import SettingsError, read_json

USUAL_APP = "function_app"


def load_app(root: Path, module: str = USUAL_APP) -> func.FunctionApp:
    """Import an app, with the script root as the working directory.

    Args:
        root: the script root; it becomes the working directory of this process.
        module: the module that holds the app.

    Returns:
        The app.

    Raises:
        SettingsError: the module defines no app, or several.
    """
    os.chdir(root)
    sys.path.insert(0, str(root))
    held = vars(importlib.import_module(module)).values()
    apps = [value for value in held if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        file = root / f"{module.replace('.', '/')}.py"
        raise SettingsError(f"{file} has to hold one FunctionApp; it holds {len(apps)}.")
    return apps[0]


def read_host_json(root: Path) -> dict[str, object]:
    """Return the content of a script root's host.json; empty if there is none.

    Raises:
        SettingsError: the file cannot be read.
    """
    file = root / "host.json"
    return read_json(file) if file.exists() else {}
