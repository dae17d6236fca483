"""Database that is shared by the tests of one process and emptied between them."""

from io import BytesIO

import asyncpg

from sandbox.stack.postgres import Postgres

_NAME = "shared"
# The planner estimates at least 10 pages for a table that was never analyzed. Dead rows on fewer pages change no plan,
# and deleting is ten times faster than truncating.
_DELETED_PAGES = 9

_END_SESSIONS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# Differs if the schema or its planner statistics differ.
_FINGERPRINT = """
WITH ours AS (
    SELECT oid, xmin, reltuples FROM pg_class
    WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema')
)
SELECT concat_ws(
    ' ',
    (SELECT md5(string_agg(concat_ws(' ', oid, xmin, reltuples), ',' ORDER BY oid)) FROM ours),
    (SELECT md5(string_agg(concat_ws(' ', a.attrelid, a.attnum, a.xmin), ',' ORDER BY a.attrelid, a.attnum))
     FROM pg_attribute AS a JOIN ours ON ours.oid = a.attrelid),
    (SELECT md5(string_agg(concat_ws(' ', c.oid, c.xmin), ',' ORDER BY c.oid)) FROM pg_constraint AS c WHERE c.oid >= 16384),
    (SELECT md5(string_agg(concat_ws(' ', t.oid, t.xmin), ',' ORDER BY t.oid)) FROM pg_trigger AS t),
    (SELECT md5(string_agg(concat_ws(' ', p.oid, p.xmin), ',' ORDER BY p.oid)) FROM pg_proc AS p WHERE p.oid >= 16384),
    (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384)
)
"""
_EMPTY = f"""
DO $$
DECLARE
    stored text;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO stored FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'inventory'::regnamespace
      AND pg_relation_size(oid) > {_DELETED_PAGES} * current_setting('block_size')::int;
    IF stored IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || stored || ' CASCADE';
    END IF;
    FOR stored IN
        SELECT oid::regclass::text FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'inventory'::regnamespace AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE 'DELETE FROM ' || stored;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'inventory' AND last_value IS NOT NULL;
END
$$
"""  # noqa: S608 - a constant of this module
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'inventory'::regnamespace"


class SharedDatabase:
    """A copy of a migrated database for consecutive tests.

    Each test finds the state after the migrations: no open sessions, their rows, their sequences. After a test that
    changed the schema or analyzed tables, a new copy is made.
    """

    def __init__(self, postgres: Postgres, template: str) -> None:
        self._postgres = postgres
        self._template = template
        self._url: str | None = None
        self._fingerprint: str | None = None
        self._rows: dict[str, bytes] = {}

    async def clean(self) -> str:
        """Remove everything that the previous test left. Returns the URL."""
        if self._url is None or not await self._empty(self._url):
            await self._postgres.drop_database(_NAME)
            self._url = await self._postgres.create_database(_NAME, template=self._template)
            await self._remember(self._url)
        return self._url

    async def _remember(self, url: str) -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            self._rows = {}
            for (table,) in await connection.fetch(_TABLES):
                if await connection.fetchval(f'SELECT EXISTS (SELECT FROM inventory."{table}")'):  # noqa: S608 - its own
                    rows = BytesIO()
                    await connection.copy_from_table(table, schema_name="inventory", output=rows, format="binary")
                    self._rows[table] = rows.getvalue()
            self._fingerprint = await connection.fetchval(_FINGERPRINT)
        finally:
            await connection.close()

    async def _empty(self, url: str) -> bool:
        """Empty the database. Returns False if its schema has changed."""
        # The replica role executes neither triggers nor foreign keys.
        connection = await asyncpg.connect(url, timeout=10, server_settings={"session_replication_role": "replica"})
        try:
            await connection.execute(_END_SESSIONS)
            if await connection.fetchval(_FINGERPRINT) != self._fingerprint:
                return False
            await connection.execute(_EMPTY)
            for table, rows in self._rows.items():
                await connection.copy_to_table(table, schema_name="inventory", source=BytesIO(rows), format="binary")
            self._fingerprint = await connection.fetchval(_FINGERPRINT)
        finally:
            await connection.close()
        return True
