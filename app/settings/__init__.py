"""Every app setting, checked at once: one frozen object, or one error that names all that is wrong.

Each is declared once, in the file of its section: type, default, meaning, example, and whether it decides how
overlays are rendered. The names are fixed; a setting's attribute is its name in lower case.
"""

from app.settings.kinds import DEFAULT_KINDS
from app.settings.loading import SettingsError, load, misspelt
from app.settings.model import RENDERING, Settings

__all__ = ["DEFAULT_KINDS", "RENDERING", "Settings", "SettingsError", "load", "misspelt"]
