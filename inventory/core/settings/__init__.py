"""Settings: sections of environment variables, read once."""

from inventory.core.settings.settings import Settings, SettingsError, example_file

__all__ = ["Settings", "SettingsError", "example_file"]
