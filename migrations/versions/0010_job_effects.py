"""The effects of background jobs: a job that the queue delivers a second time is answered, not repeated."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE job_effects (
        -- The queue's id of the job, with the time at which it was enqueued. Stored in the transaction that makes the job's change.
        job_id     text PRIMARY KEY CHECK (job_id <> ''),
        -- The run that the job opened or changed; NULL for a job that concerns no run.
        run_id     uuid REFERENCES run_metadata ON DELETE CASCADE,
        -- What the job answers, the first time and every other time.
        answer     jsonb NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    # For ON DELETE CASCADE.
    "CREATE INDEX job_effects_run ON job_effects (run_id) WHERE run_id IS NOT NULL",
    # For pruning by age.
    "CREATE INDEX job_effects_applied ON job_effects (applied_at)",
]


def upgrade() -> None:
    """Create the table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE job_effects")
