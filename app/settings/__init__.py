"""Every app setting, checked at once: one frozen object, or one error that names all that is wrong.

The names are fixed (docs/settings.md has a row for each); a setting's attribute is its name in lower case.
"""

from app.settings.kinds import DEFAULT_KINDS
from app.settings.loading import SettingsError, load, misspelt
from app.settings.model import Settings

__all__ = ["DEFAULT_KINDS", "Settings", "SettingsError", "load", "misspelt"]
