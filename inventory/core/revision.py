"""Whether the database's schema is as new as the code. A migration comes before the code that needs it.

A schema that is newer than the code is none of its business: migrations only add, until no code asks for what they take
away (docs/how-to/deploy.md, "Changing the schema").
"""

from pathlib import Path

import asyncpg

from inventory.core.database import Database
from inventory.core.errors import SchemaBehind
from inventory.core.sql import Statements

sql = Statements("inventory.core")

_PACKAGED = Path(__file__).parent / "migrations"
_SOURCE_TREE = Path(__file__).parents[2] / "migrations"
# Packed into the wheel, or beside the code.
MIGRATIONS = _PACKAGED if _PACKAGED.is_dir() else _SOURCE_TREE

# Migrations are numbered in their order, so the last name is the newest.
NEEDED = max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")).partition("_")[0]


async def require(database: Database) -> None:
    """Make sure that the schema has every migration that this code knows.

    Raises:
        SchemaBehind: it has not.
        DatabaseUnavailable: it can't be asked.
    """
    async with database.bounded() as connection:
        try:
            present = await connection.fetchval(sql.schema_revision)
        except asyncpg.UndefinedTableError:
            present = None
    if present is None or present < NEEDED:
        raise SchemaBehind(details={"present": present, "needed": NEEDED})
