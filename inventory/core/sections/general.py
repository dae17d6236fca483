"""Where and how a process runs."""

from typing import Annotated, Literal

from pydantic import BaseModel

from inventory.core.logging import LogFormat
from inventory.core.sections.field import setting
from inventory.core.tls import Tls


class GeneralSettings(BaseModel):
    """Settings of every process."""

    environment: Annotated[
        Literal["development", "staging", "production"],
        setting("General", "Where this runs; development opens GraphiQL and readable errors."),
    ] = "production"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        setting("General", "The least severe event that is logged."),
    ] = "INFO"
    log_format: Annotated[
        LogFormat, setting("General", "json, console, or auto: console in a terminal, json elsewhere.")
    ] = "auto"

    tls: Annotated[
        Tls,
        setting(
            "General",
            "auto: every server that is not on this machine is reached through TLS; require: all; off.",
        ),
    ] = "auto"
