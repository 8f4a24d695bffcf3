"""App settings read by name: one frozen object, or one error that names all that is missing or wrong."""

from collections.abc import Mapping

from pydantic import ValidationError

from settings.model import Settings


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
        raise SettingsError("\n".join(["settings are missing or wrong:", *sorted(_lines(error))])) from None


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        what = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            what = "is required"
        elif each["type"] == "string_pattern_mismatch":
            what = f"expected {Settings.model_fields[name].description}"
        lines.append(f"  {name.upper()}: {what}" if name else f"  {what}")
    return lines
