"""Schema migrations: upgrade or downgrade to a revision, from the source tree or an installed wheel."""

import asyncio
from collections.abc import Iterable

import asyncpg
import msgspec
from alembic import command
from alembic.config import Config

from inventory.core.revision import MIGRATIONS


class LockTimeouts(msgspec.Struct, frozen=True):
    """Lock timeout of a migration (seconds), and its retries.

    Later statements queue behind a waiting migration. So each wait is short, and the service continues between the tries.
    """

    lock_seconds: float = 5.0
    tries: int = 12
    pause_seconds: float = 5.0


def _config(database_url: str, schema: str, patience: LockTimeouts) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    # Passed as attributes: Alembic's configuration would interpret percent escapes in the URL.
    config.attributes["url"] = database_url
    config.attributes["schema"] = schema
    config.attributes["patience"] = patience
    return config


async def upgrade(
    database_url: str,
    revision: str = "head",
    *,
    schema: str = "inventory",
    patience: LockTimeouts = LockTimeouts(),  # noqa: B008 - frozen
) -> None:
    """Apply the migrations up to `revision`. The operation is idempotent and safe to run concurrently."""
    await asyncio.to_thread(command.upgrade, _config(database_url, schema, patience), revision)


async def create_raw_tables(database_url: str, feeds: Iterable[str], *, schema: str = "inventory") -> None:
    """Create the raw tables of feeds that do not exist, in a database with the newest schema.

    Readers and writers of the other feeds are not blocked. The operation is idempotent.
    """
    connection = await asyncpg.connect(
        database_url, server_settings={"search_path": schema, "lock_timeout": f"{LockTimeouts().lock_seconds:.0f}s"}
    )
    try:
        for feed in feeds:
            await connection.execute("SELECT create_raw_partition($1)", feed)
    finally:
        await connection.close()


async def downgrade(database_url: str, revision: str, *, schema: str = "inventory") -> None:
    """Revert the migrations down to `revision` ("base" reverts all)."""
    await asyncio.to_thread(command.downgrade, _config(database_url, schema, LockTimeouts()), revision)
