"""The command `serve`. It imports no code of other commands, so that the API starts quickly."""

import asyncio
from typing import Annotated

import typer

from app.main import create_app
from app.server import CannotListen, serve
from app.startup import check
from inventory.core import logging
from inventory.core.command_line import exit_on_error
from inventory.core.settings import Settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Keep `serve` the name of a command: with a single command, Typer expects no name."""


@app.command(name="serve")
def serve_api(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: PORT.")] = None,
) -> None:
    """Serve GraphQL and REST until SIGTERM."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings.read(**given)
    logging.configure(settings.general.log_level, settings.general.log_format, "api")
    application = create_app(settings)
    asyncio.run(check(settings))
    serve(application, settings)


def main() -> None:
    """Run the command. Exit code 2: a wrong setting, or a port in use; 1: other errors."""
    with exit_on_error(CannotListen):
        app()
