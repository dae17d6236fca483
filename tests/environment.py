"""Environment variables of settings, for processes that a test starts."""

from inventory.core.settings import SecretStr, Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """Each variable that is set, with its value as text."""
    variables = {}
    for name, section in Settings.sections():
        values = getattr(settings, name)
        for variable in section.variables():
            if variable.field in values.given_fields:
                value = getattr(values, variable.field)
                variables[variable.name] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return variables
