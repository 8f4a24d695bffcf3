"""App settings: those of local.settings.json, and none of the shell's.

A forgotten `export KUBECONFIG=…` must not decide which cluster a development run writes to.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

STORAGE = "AzureWebJobsStorage"


class SettingsError(Exception):
    """A settings file or host.json is not usable; the message says which file, why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class AppEnvironment:
    """The environment of the app.

    Attributes:
        variables: all environment variables.
        ignored: names of settings that the shell had set and that were left out.
    """

    variables: Mapping[str, str]
    ignored: tuple[str, ...]


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object from a file.

    Args:
        path: the file.

    Returns:
        The object.

    Raises:
        SettingsError: the file cannot be read, or is not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} has to hold a JSON object.")
    return content


def read_values(path: Path) -> dict[str, str]:
    """Read the app settings of a local.settings.json.

    Args:
        path: the file.

    Returns:
        Its `Values`.

    Raises:
        SettingsError: the file cannot be read, is encrypted, or has a value that is not a string.
    """
    content = read_json(path)
    if content.get("IsEncrypted"):
        raise SettingsError(f"{path} is encrypted. Run `func settings decrypt`, then start again.")
    values = content.get("Values", {})
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: Values has to be a JSON object.")
    wrong = sorted(name for name, value in values.items() if not isinstance(value, str))
    if wrong:
        raise SettingsError(f"{path}: these Values are no strings: {', '.join(wrong)}. Put them into quotes.")
    return values


def app_environment(
    *, shell: Mapping[str, str], values: Mapping[str, str], known: Iterable[str]
) -> AppEnvironment:
    """Return the shell's variables without those that are settings, together with the settings.

    Args:
        shell: the environment variables of this process.
        values: the app settings.
        known: names of other settings, which may have no value.

    Returns:
        The environment for the app. `NAME__part` counts as the setting `NAME`, as in Functions.
    """
    settings = {*known, *values, STORAGE}
    ignored = sorted(name for name in shell if name in settings or name.partition("__")[0] in settings)
    kept = {name: value for name, value in shell.items() if name not in ignored}
    return AppEnvironment(variables={**kept, **values}, ignored=tuple(ignored))


def positive_number(settings: Mapping[str, str], name: str, *, default: int) -> int:
    """Read a setting that is a positive whole number.

    Args:
        settings: the app settings.
        name: the setting.
        default: the value for a setting that is missing or empty.

    Returns:
        The number.

    Raises:
        SettingsError: the value is not a positive whole number.
    """
    value = settings.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise SettingsError(f"{name} has to be a positive whole number, not {value!r}.")
    return int(value)
