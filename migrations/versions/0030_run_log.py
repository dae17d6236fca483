"""Log lines of runs, to show them beside the run."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Its own one, because several processes write lines of a run, and some before its row is committed."""
    op.execute("""
        CREATE TABLE run_log (
            id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            run_id uuid NOT NULL,
            at     timestamptz NOT NULL,
            level  text NOT NULL,
            role   text NOT NULL,
            event  text NOT NULL,
            -- The other fields of the line.
            fields jsonb NOT NULL
        )
    """)
    op.execute("CREATE INDEX run_log_run ON run_log (run_id, id)")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE run_log")
