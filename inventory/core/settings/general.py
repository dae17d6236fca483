"""Settings of every process: environment, logging, TLS."""

from typing import Annotated, Literal

from pydantic import BaseModel

from inventory.core.logging import LogFormat
from inventory.core.settings.field import setting
from inventory.core.tls import Tls


class GeneralSettings(BaseModel):
    """Settings of every process."""

    environment: Annotated[
        Literal["development", "staging", "production"],
        setting("General", "Environment of the process; development enables GraphiQL and detailed errors."),
    ] = "production"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        setting("General", "Lowest level of logged events."),
    ] = "INFO"
    log_format: Annotated[
        LogFormat, setting("General", "json, console, or auto: console in a terminal, json elsewhere.")
    ] = "auto"

    tls: Annotated[
        Tls,
        setting(
            "General",
            "auto: TLS is required for every server on another machine; require: for all servers; off: for none.",
        ),
    ] = "auto"
