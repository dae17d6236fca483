"""Settings of every process: environment, logging, TLS."""

from typing import Annotated, Literal

from inventory.core.logging import LogFormat
from inventory.core.settings.section import ServerSection, setting


class GeneralSettings(ServerSection, title="General"):
    """Settings of every process."""

    environment: Annotated[
        Literal["development", "staging", "production"],
        setting("Environment of the process; development enables GraphiQL and detailed errors."),
    ] = "production"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        setting("Lowest level of logged events."),
    ] = "INFO"
    log_format: Annotated[LogFormat, setting("json, console, or auto: console in a terminal, json elsewhere.")] = "auto"
