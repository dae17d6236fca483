"""The event log: what happened to stones, in one order that every reader sees."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the log, and the counter of its positions."""
    # Its own table: the rows of holds, purchases and stones say what is, this one says what happened, and in which order.
    op.execute("""
        CREATE TABLE event_log (
            -- The order of insertion, which is not the order of commit: a reader that went by it would pass over an
            -- event that was inserted early and committed late.
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            -- The order of reading, without gaps: given to committed events only, by one at a time.
            position    bigint CHECK (position > 0),
            kind        text NOT NULL CHECK (kind IN (
                'hold_requested', 'hold_activated', 'hold_denied', 'hold_extended', 'hold_released', 'hold_expired',
                'hold_purchased', 'purchase_pending', 'purchase_confirmed', 'purchase_failed', 'purchase_unknown',
                'diamonds_changed', 'diamonds_removed', 'diamonds_repriced')),
            occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            diamond_ids uuid[] NOT NULL CHECK (cardinality(diamond_ids) > 0),
            -- Whose hold or purchase it is.
            client_id   text,
            hold_id     uuid,
            purchase_id uuid,
            run_id      uuid,
            -- Small facts that differ by kind, such as when a hold ends.
            data        jsonb NOT NULL
        )
    """)
    # Reading after a position (read, oldest, prune); two events can't have one position.
    op.execute("CREATE UNIQUE INDEX event_log_position ON event_log (position) WHERE position IS NOT NULL")
    # Finding what has no position yet (number, data_version).
    op.execute("CREATE INDEX event_log_unnumbered ON event_log (id) WHERE position IS NULL")
    # The history of one stone, and reading on for a few of them (history, read). Only of numbered events, so that
    # numbering does not write every stone into it a second time.
    op.execute("CREATE INDEX event_log_diamonds ON event_log USING gin (diamond_ids) WHERE position IS NOT NULL")
    # Its own table of one row: the newest position must outlive the events, which are pruned, and the transaction that gives out
    # positions holds the lock on it.
    op.execute("""
        CREATE TABLE event_counter (
            one  boolean PRIMARY KEY DEFAULT true CHECK (one),
            last bigint NOT NULL CHECK (last >= 0)
        )
    """)
    op.execute("INSERT INTO event_counter (last) VALUES (0)")


def downgrade() -> None:
    """Drop both."""
    op.execute("DROP TABLE event_counter")
    op.execute("DROP TABLE event_log")
