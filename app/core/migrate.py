"""Brings the database's schema to a revision, from the source tree or from an installed wheel."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

_PACKAGED = Path(__file__).parent / "migrations"
_SOURCE_TREE = Path(__file__).parents[2] / "migrations"


def _config(database_url: str, schema: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_PACKAGED if _PACKAGED.is_dir() else _SOURCE_TREE))
    config.set_main_option("path_separator", "os")
    # Handed over as a value: a URL inside the configuration would be subject to its own percent escapes.
    config.attributes["url"] = database_url
    config.attributes["schema"] = schema
    return config


async def upgrade(database_url: str, revision: str = "head", *, schema: str = "inventory") -> None:
    """Apply every migration up to `revision`. Running it twice, or twice at once, is harmless."""
    await asyncio.to_thread(command.upgrade, _config(database_url, schema), revision)


async def downgrade(database_url: str, revision: str, *, schema: str = "inventory") -> None:
    """Take migrations back down to `revision` ("base" for all)."""
    await asyncio.to_thread(command.downgrade, _config(database_url, schema), revision)
