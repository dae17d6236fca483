"""The command `serve`. It imports no code of other commands, so that the API starts quickly."""

import asyncio
import sys
from typing import Annotated

from app import server
from app.main import create_app
from app.startup import check
from inventory.core import logging
from inventory.core.command_line import exit_on_error
from inventory.core.process_command import run_process_command
from inventory.core.settings import Settings


def serve(
    host: Annotated[str | None, "Address to listen on; default: HOST."] = None,
    port: Annotated[int | None, "Port to listen on; default: PORT."] = None,
) -> None:
    """Serve GraphQL and REST until SIGTERM."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings.read(**given)
    logging.configure(settings.general.log_level, settings.general.log_format, "api")
    application = create_app(settings)
    asyncio.run(check(settings))
    server.serve(application, settings)


def main() -> None:
    """Run the command. Exit code 2: a wrong setting, or a port in use; 1: other errors."""
    with exit_on_error(server.CannotListen):
        run_process_command(serve, "diamonds-app", sys.argv[2:])
