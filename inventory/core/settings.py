"""Every setting, read once from the environment: the only file that looks there.

Each field of a section is one variable (its name in capitals) with what it means and an example; `.env.example` is
printed from here. A wrong value ends the process with one line that names the variable (exit code 2).
"""

import re
from typing import Any, Self

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inventory.core.sections.access import AuthSettings
from inventory.core.sections.alerts import AlertSettings
from inventory.core.sections.api import ApiSettings
from inventory.core.sections.events import EventSettings
from inventory.core.sections.general import GeneralSettings
from inventory.core.sections.servers import ServerSettings
from inventory.core.sections.supplier import SupplierSettings
from inventory.core.sections.sync import SyncSettings
from inventory.core.sections.trading import TradingSettings

_LOOPBACK = r"https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?"


class SettingsError(Exception):
    """A setting is missing or wrong. The message names the variable, what is wrong and an example."""


# The fields of the last come first: whether TLS is asked for stands before every address that is reached through it.
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
    """The settings of one process. Frozen; secrets show neither in `repr` nor in logs."""

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
        """Only the environment (and arguments, in tests): no file is read behind anyone's back."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """The settings of this process.

        Raises:
            SettingsError: a variable holds a wrong value.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError("\n".join(_one_line(cls, problem) for problem in error.errors())) from None

    @property
    def most_sockets(self) -> int:
        """Sockets and event streams of one process."""
        return self.max_sockets or self.max_connections

    @property
    def most_sockets_per_key(self) -> int:
        """Sockets and event streams of one key in one process: by default it leaves most of them to other keys."""
        return self.sockets_per_key or max(1, self.most_sockets // 4)

    @property
    def origin_pattern(self) -> str | None:
        """Pattern of further origins whose pages may call: in development every port of this machine."""
        return _LOOPBACK if self.environment == "development" else None

    def admits(self, origin: str) -> bool:
        """Whether pages of an origin may call."""
        pattern = self.origin_pattern
        return origin in self.origins or (pattern is not None and re.fullmatch(pattern, origin) is not None)

    def need(self, name: str) -> str:
        """The value of a setting that this role can't do without.

        Raises:
            SettingsError: it is not set.
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
    """The text of `.env.example`: every setting with its meaning, commented out where a default stands."""
    lines = ["# Every setting of Diamond Inventory. Printed from inventory/core/settings.py by `make schema`.", ""]
    section = ""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if extra["section"] != section:
            section = str(extra["section"])
            lines += [f"# ---- {section} ----", ""]
        lines += [f"# {field.description}", f"# {name.upper()}={_example(Settings, name)}", ""]
    return "\n".join(lines)
