"""Brings the database's schema to a revision, from the source tree or from an installed wheel."""

import asyncio

import msgspec
from alembic import command
from alembic.config import Config

from inventory.core.revision import MIGRATIONS


class LockTimeouts(msgspec.Struct, frozen=True):
    """How long a migration waits for a lock that others hold (seconds), and how often it tries again.

    Statements that come after it wait as well, so a single wait is short: the service continues in between.
    """

    lock_seconds: float = 5.0
    tries: int = 12
    pause_seconds: float = 5.0


def _config(database_url: str, schema: str, patience: LockTimeouts) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    # Handed over as values: a URL inside the configuration would be subject to its own percent escapes.
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
    """Apply every migration up to `revision`. Running it twice, or twice at once, is harmless."""
    await asyncio.to_thread(command.upgrade, _config(database_url, schema, patience), revision)


async def downgrade(database_url: str, revision: str, *, schema: str = "inventory") -> None:
    """Take migrations back down to `revision` ("base" for all)."""
    await asyncio.to_thread(command.downgrade, _config(database_url, schema, LockTimeouts()), revision)
