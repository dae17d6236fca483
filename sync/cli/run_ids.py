"""Run ids of commands: a whole id, its first characters, or `latest`."""

from typing import Annotated
from uuid import UUID

import typer

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.runs import repository

RunId = Annotated[
    str, typer.Argument(metavar="RUN_ID", help="Id of the run, its first characters, or `latest` for the newest run.")
]


async def find_run_id(settings: Settings, text: str, feed: str | None) -> UUID:
    """Find the run that an argument names. `feed`: the one whose newest run is `latest`; None for all feeds.

    Raises:
        NotFound: there is no such run.
        ValidationFailed: the text is not the beginning of an id, or several ids begin with it.
    """
    async with Database.open(settings.database) as database, database.connection() as connection:
        return await repository.find_id(connection, text, feed)
