"""Concurrent creation and removal of indexes in migrations, without blocking readers and writers.

An index of a table that the same migration creates does not need it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op


def create(name: str, definition: str, *, unique: bool = False) -> None:
    """Create an index, such as `create("diamonds_price", "ON diamonds (price)")`.

    It runs outside a transaction. An invalid index of an interrupted attempt is dropped first.
    """
    with _outside_transaction():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} {definition}")


def drop(name: str) -> None:
    """Drop an index."""
    with _outside_transaction():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


@contextmanager
def _outside_transaction() -> Iterator[None]:
    """Run statements outside a transaction and without a lock timeout: they wait for other statements and block none."""
    with op.get_context().autocommit_block():
        op.execute("SELECT set_config('inventory.lock_timeout', current_setting('lock_timeout'), false)")
        op.execute("SET lock_timeout TO 0")
        yield
        op.execute("SELECT set_config('lock_timeout', current_setting('inventory.lock_timeout'), false)")
