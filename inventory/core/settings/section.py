"""Base classes of a section of settings.

Each field of a section is an environment variable: the prefix of the section and the name of the field, in capitals,
or its validation alias.
"""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inventory.core.tls import Tls


class SettingsError(Exception):
    """A setting is missing or invalid. The message names the variable, the problem and an example."""


def setting(description: str, *, example: str = "", variable: str | None = None, **constraints: Any) -> Any:
    """Declare a field of a section.

    Args:
        description: its help text.
        example: a valid value; required without a default.
        variable: the environment variable, if it is not the prefix of the section and the name of the field.
        constraints: limits of the value, as for `pydantic.Field`.
    """
    if variable is not None:
        constraints["validation_alias"] = variable
    return Field(description=description, json_schema_extra={"example": example}, **constraints)


class Variable(NamedTuple):
    """The environment variable of a field."""

    name: str
    field: str
    info: FieldInfo

    @property
    def example(self) -> str:
        """A valid value, as in the environment."""
        extra = self.info.json_schema_extra if isinstance(self.info.json_schema_extra, dict) else {}
        example = extra.get("example") or self.info.default
        return str(example).lower() if isinstance(example, bool) else str(example)


class SettingsSection(BaseSettings):
    """A section of settings. It is frozen, and secrets appear neither in `repr` nor in logs."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, populate_by_name=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment and arguments (in tests) only, and no files."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @classmethod
    def variables(cls) -> Iterator[Variable]:
        """Environment variables of this section, in the order of its fields."""
        prefix = cls.model_config.get("env_prefix", "")
        for field, info in cls.model_fields.items():
            name = info.validation_alias if isinstance(info.validation_alias, str) else f"{prefix}{field}".upper()
            yield Variable(name, field, info)

    def need(self, field: str) -> str:
        """Return the value of a required setting.

        Raises:
            SettingsError: the setting is not set.
        """
        value = getattr(self, field)
        if value is None:
            variable = next(variable for variable in self.variables() if variable.field == field)
            raise SettingsError(f"{variable.name}: is not set. Example: {variable.name}={variable.example}")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


class ServerSection(SettingsSection):
    """A section with addresses of servers. `tls` is validated first: the addresses are validated with its value."""

    tls: Annotated[
        Tls,
        setting(
            "auto: TLS is required for every server on another machine; require: for all servers; off: for none.",
            variable="TLS",
        ),
    ] = "auto"
