"""App settings read by name: one frozen object, or one error that names all that is missing or wrong."""

import difflib
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from app.settings.host import FUNCTIONS_SETTINGS
from app.settings.model import Settings

# Settings that others read: Functions and its worker, and the local host.
_OTHERS = (*FUNCTIONS_SETTINGS, "PYTHON_THREADPOOL_THREAD_COUNT")
_LIKE = 0.9  # of difflib's ratio: one letter of ten is missing, or two have changed places


class SettingsError(ValueError):
    """Settings are missing or wrong; the message names every one of them."""


def load(values: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        values: app settings by name, such as the process's environment. An empty one counts as not set.

    Returns:
        The settings.

    Raises:
        SettingsError: some are missing or wrong; a line for each, and the value of none.
    """
    names = {name.upper() for name in Settings.model_fields}
    given = {name.lower(): value for name, value in values.items() if name in names and value.strip()}
    if "MONITORING_OVERLAY" in values:  # empty has a meaning here: none
        given["monitoring_overlay"] = values["MONITORING_OVERLAY"].strip()
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong = [*sorted(_lines(error)), *(f"  {line}" for line in misspelt(values))]
        raise SettingsError("\n".join(["settings are missing or wrong:", *wrong])) from None


def misspelt(names: Iterable[str]) -> list[str]:
    """Find names that are no setting and look like one.

    Args:
        names: names of app settings, or of the process's variables, among which are others' too.

    Returns:
        A line for each, with the setting that may be meant.
    """
    known = {each.upper(): each for each in (*map(str.upper, Settings.model_fields), *_OTHERS)}
    likely = {
        name: found[0]
        for name in sorted(set(names) - set(known.values()))
        if (found := difflib.get_close_matches(name.upper(), known, n=1, cutoff=_LIKE))
    }
    return [
        f"{name} is no setting: is {known[like]} meant?"
        for name, like in likely.items()
        if not name.startswith(f"{like}_")  # a longer name is another word: GITHUB_REPOSITORY_OWNER
    ]


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        what = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            what = "is required"
        lines.append(f"  {name.upper()}: {what}" if name else f"  {what}")
    return lines
