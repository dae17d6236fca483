"""Feeds of files: partitions of rows, and the files that completed runs have read.

Contracts: only the list of partition kinds, in exchange for a longer one.
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the kind and the table."""
    # The new check allows what the old one allowed, so the scan of the small table ends soon.
    op.execute("ALTER TABLE worker_runs DROP CONSTRAINT worker_runs_kind_check")
    op.execute(
        "ALTER TABLE worker_runs ADD CONSTRAINT worker_runs_kind_check CHECK (kind IN ('band', 'outside', 'rows'))"
    )
    op.execute("""
        CREATE TABLE consumed_files (
            feed        text NOT NULL,
            -- Hash of the content: a file that changes under its name is another file.
            digest      text NOT NULL,
            name        text NOT NULL,
            -- Without a reference: runs are pruned, and a file must not be read twice.
            run_id      uuid NOT NULL,
            consumed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (feed, digest)
        )
    """)


def downgrade() -> None:
    """Remove both."""
    op.execute("DROP TABLE consumed_files")
    op.execute("DELETE FROM worker_runs WHERE kind = 'rows'")
    op.execute("ALTER TABLE worker_runs DROP CONSTRAINT worker_runs_kind_check")
    op.execute("ALTER TABLE worker_runs ADD CONSTRAINT worker_runs_kind_check CHECK (kind IN ('band', 'outside'))")
