"""Schema revision check: the database needs every migration that the code knows.

A newer schema is accepted: migrations are additive until no deployed code uses the removed columns
(docs/how-to/deploy.md, "Changing the schema").
"""

from pathlib import Path

import asyncpg

from inventory.core.database import Database
from inventory.core.errors import SchemaBehind
from inventory.core.sql import Statements

sql = Statements("inventory.core")

_PACKAGED = Path(__file__).parent / "migrations"
_SOURCE_TREE = Path(__file__).parents[2] / "migrations"
# In the wheel, or in the source tree.
MIGRATIONS = _PACKAGED if _PACKAGED.is_dir() else _SOURCE_TREE

# File names begin with a number in the order of the migrations.
NEEDED = max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")).partition("_")[0]


async def require(database: Database) -> None:
    """Check that the schema has every migration that this code knows.

    Raises:
        SchemaBehind: a migration is missing.
        DatabaseUnavailable: the database does not answer.
    """
    async with database.bounded() as connection:
        try:
            present = await connection.fetchval(sql.schema_revision)
        except asyncpg.UndefinedTableError:
            present = None
    if present is None or present < NEEDED:
        raise SchemaBehind(details={"present": present, "needed": NEEDED})
