"""Settings: sections of environment variables, read once."""

from inventory.core.settings.section import SettingsError, SettingsSection, Variable
from inventory.core.settings.settings import Settings, by_title, example_file

__all__ = ["Settings", "SettingsError", "SettingsSection", "Variable", "by_title", "example_file"]
