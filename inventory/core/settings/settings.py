"""Settings of a process, read from environment variables.

Each field of a section is a variable (its name in capitals) with a description and an example. `.env.example` is generated
from them. An invalid value ends the process with a line that names the variable (exit code 2).
"""

import re
from typing import Any, Self

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inventory.core.settings.access import AuthSettings
from inventory.core.settings.alerts import AlertSettings
from inventory.core.settings.api import ApiSettings
from inventory.core.settings.events import EventSettings
from inventory.core.settings.general import GeneralSettings
from inventory.core.settings.servers import ServerSettings
from inventory.core.settings.supplier import SupplierSettings
from inventory.core.settings.sync import SyncSettings
from inventory.core.settings.trading import TradingSettings

_LOOPBACK = r"https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?"


class SettingsError(Exception):
    """A setting is missing or invalid. The message names the variable, the problem and an example."""


# The fields of the last base class are validated first: the addresses are validated with the value of `tls`.
class Settings(
    AlertSettings,
    SyncSettings,
    TradingSettings,
    SupplierSettings,
    ServerSettings,
    EventSettings,
    AuthSettings,
    ApiSettings,
    GeneralSettings,
    BaseSettings,
):
    """Settings of a process. They are frozen, and secrets appear neither in `repr` nor in logs."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

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
    def read(cls, **overrides: Any) -> Self:
        """Read the settings of this process.

        Raises:
            SettingsError: the value of a variable is invalid.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError("\n".join(_one_line(cls, problem) for problem in error.errors())) from None

    @property
    def socket_limit(self) -> int:
        """Limit of sockets and event streams of a process."""
        return self.max_sockets or self.max_connections

    @property
    def socket_limit_per_key(self) -> int:
        """Limit of sockets and event streams of a key in a process. The default is a quarter of `socket_limit`."""
        return self.sockets_per_key or max(1, self.socket_limit // 4)

    @property
    def origin_pattern(self) -> str | None:
        """Pattern of further allowed origins: in development, every port of this machine."""
        return _LOOPBACK if self.environment == "development" else None

    def allows_origin(self, origin: str) -> bool:
        """Whether an origin is allowed."""
        pattern = self.origin_pattern
        return origin in self.origins or (pattern is not None and re.fullmatch(pattern, origin) is not None)

    def need(self, name: str) -> str:
        """Return the value of a required setting.

        Raises:
            SettingsError: the setting is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise SettingsError(f"{name.upper()}: is not set. Example: {name.upper()}={_example(type(self), name)}")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _example(cls: type[BaseSettings], name: str) -> str:
    field = cls.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    example = extra.get("example") or field.default
    return str(example).lower() if isinstance(example, bool) else str(example)


def _one_line(cls: type[BaseSettings], problem: Any) -> str:
    name = str(problem["loc"][0])
    what = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name.upper()}: {what[:1].lower()}{what[1:]}. Example: {name.upper()}={_example(cls, name)}"


def example_file() -> str:
    """Generate the text of `.env.example`: every setting with its description, commented out."""
    lines = ["# Every setting of Diamond Inventory. Printed from inventory/core/settings/ by `make schema`.", ""]
    section = ""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if extra["section"] != section:
            section = str(extra["section"])
            lines += [f"# ---- {section} ----", ""]
        lines += [f"# {field.description}", f"# {name.upper()}={_example(Settings, name)}", ""]
    return "\n".join(lines)
