"""Settings: sections of environment variables, read once."""

from inventory.core.settings.section import SettingsError, SettingsSection, Variable
from inventory.core.settings.settings import Settings, by_title, example_file
from inventory.core.settings.values import SecretStr, is_secret

__all__ = [
    "SecretStr",
    "Settings",
    "SettingsError",
    "SettingsSection",
    "Variable",
    "by_title",
    "example_file",
    "is_secret",
]
