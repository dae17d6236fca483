"""Proof of completeness: the listings that each page of a run has shown, and the offer that represents a stone."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = [
    # Its own table, because a stone at a shared edge is read by two partitions, and each of them compares its own listings
    # with the supplier's count. A successor of a dead worker restores them. A row is a page, so it costs one row for 50
    # stones; the rows of a run are deleted when it has completed, or another one opens.
    """
    CREATE TABLE pages_read (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id       uuid NOT NULL REFERENCES run_metadata ON DELETE CASCADE,
        -- NULL: read by the consolidator.
        partition_id uuid REFERENCES worker_runs ON DELETE CASCADE,
        -- Number of the pass, as sync/planning/completeness.py counts them.
        reading      integer NOT NULL,
        -- Hashes of the offers' and the stones' ids, and what the items show; in step.
        offers       bigint[] NOT NULL,
        stones       bigint[] NOT NULL,
        prices       bigint[] NOT NULL,
        carats       integer[] NOT NULL
    )
    """,
    # Restoring a partition, and counting a run's distinct listings.
    "CREATE INDEX pages_read_partition ON pages_read (partition_id)",
    "CREATE INDEX pages_read_run ON pages_read (run_id)",
    # Items that the supplier counts and answers with null.
    "ALTER TABLE worker_runs ADD COLUMN unidentified integer NOT NULL DEFAULT 0",
    "ALTER TABLE run_metadata ADD COLUMN unidentified integer NOT NULL DEFAULT 0",
    # The offer that represents a stone, of all that the same run has seen: the cheapest one. NULL for an item that shows none.
    "ALTER TABLE stones_seen ADD COLUMN offer_id text, ADD COLUMN offer_cents bigint",
]


def upgrade() -> None:
    """Create the table and the columns."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE stones_seen DROP COLUMN offer_id, DROP COLUMN offer_cents")
    op.execute("ALTER TABLE run_metadata DROP COLUMN unidentified")
    op.execute("ALTER TABLE worker_runs DROP COLUMN unidentified")
    op.execute("DROP TABLE pages_read")
