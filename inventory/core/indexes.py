"""Indexes on tables that are in use: built beside their readers and writers, which are not kept waiting.

For migrations only. An index of a table that the same migration creates needs none of this.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op


def create(name: str, definition: str) -> None:
    """Create an index, such as `create("diamonds_price", "ON diamonds (price)")`.

    Outside of a transaction, so what an attempt that was cut off has left behind (an index that is not valid) goes first.
    """
    with _beside_the_others():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name} {definition}")


def drop(name: str) -> None:
    """Drop an index."""
    with _beside_the_others():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


@contextmanager
def _beside_the_others() -> Iterator[None]:
    """No transaction, and no time limit: it waits for running statements, and no statement waits for it."""
    with op.get_context().autocommit_block():
        op.execute("SELECT set_config('inventory.lock_timeout', current_setting('lock_timeout'), false)")
        op.execute("SET lock_timeout TO 0")
        yield
        op.execute("SELECT set_config('lock_timeout', current_setting('inventory.lock_timeout'), false)")
