"""Alerts that wait to be sent, and since when a partition's work item is due."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = [
    # Its own table, because an incident is stored in the transaction that makes it true and is mailed afterwards, maybe
    # hours later: no row of a run could say that of a night without a run, or of a queue's dead letters.
    """
    CREATE TABLE alerts (
        id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        -- What happened, once: of two processes that notice it, the second finds it written down.
        incident        text NOT NULL UNIQUE CHECK (incident <> ''),
        kind            text NOT NULL,
        feed            text NOT NULL,
        -- Without a reference: the alert outlives the run's record.
        run_id          uuid,
        -- subject, reason, figures (pairs of a label and a value) and the next step: all that the mail says.
        content         jsonb NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        attempts        integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_error      text,
        sent_at         timestamptz,
        -- The mail's id at the provider, to look up its delivery.
        provider_id     text
    )
    """,
    # Which alert is sent next.
    "CREATE INDEX alerts_waiting ON alerts (next_attempt_at) WHERE sent_at IS NULL",
    # A work item that is due for longer than a lease and was never sent has no process any more that would send it.
    # sent_at alone can't tell that from one that is just being sent.
    "ALTER TABLE worker_runs ADD COLUMN due_at timestamptz NOT NULL DEFAULT clock_timestamp()",
]


def upgrade() -> None:
    """Create the table and the column."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE worker_runs DROP COLUMN due_at")
    op.execute("DROP TABLE alerts")
