"""What holds and purchases need to survive a process that dies, and a supplier that says nothing."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = [
    # No release has written these tables before.
    """
    ALTER TABLE hold_history
        -- The retail price that the hold guarantees to its holder.
        ADD COLUMN price_cents    bigint NOT NULL CHECK (price_cents >= 0),
        -- How long it was asked for. expires_at is when it ends here, at the latest when the supplier's ends
        -- (supplier_until, NULL where he does not say). While it is requested: when it stops blocking the stone, if
        -- nothing was found out by then.
        ADD COLUMN wanted_until   timestamptz NOT NULL,
        ADD COLUMN supplier_until timestamptz,
        -- Why it was denied.
        ADD COLUMN reason         text,
        -- When the job has something to do for it: find out what became of the request, end it, or end it at the
        -- supplier too. Each attempt puts it off.
        ADD COLUMN due_at         timestamptz,
        ADD COLUMN attempts       integer NOT NULL DEFAULT 0,
        ALTER COLUMN expires_at SET NOT NULL
    """,
    # What the job does next.
    "CREATE INDEX hold_history_due ON hold_history (due_at) WHERE due_at IS NOT NULL",
    # Whether a hold that the supplier shows is one of ours, and over.
    "CREATE INDEX hold_history_supplier ON hold_history (supplier_hold_id) WHERE supplier_hold_id IS NOT NULL",
    # The cap of a client, and its holds in their connection, newest first.
    "CREATE INDEX hold_history_client ON hold_history (client_id, requested_at DESC, id DESC)",
    # Everyone's holds, and those of one stone.
    "CREATE INDEX hold_history_requested ON hold_history (requested_at DESC, id DESC)",
    "CREATE INDEX hold_history_diamond ON hold_history (diamond_id, requested_at DESC, id DESC)",
    """
    ALTER TABLE purchase_history
        -- The hold under which it was bought, and the comment for the supplier.
        ADD COLUMN hold_id        uuid REFERENCES hold_history,
        ADD COLUMN offer_id       text NOT NULL,
        ADD COLUMN destination_id text,
        ADD COLUMN reference      text,
        ADD COLUMN comments       text,
        ADD COLUMN return_option  boolean,
        -- Set just before the order goes out, once: without it nothing can have been bought.
        ADD COLUMN sent_at        timestamptz,
        -- Why it failed: a code for clients and the words behind it.
        ADD COLUMN failure_code   text,
        ADD COLUMN failure        text,
        -- Who settled an unknown outcome, and by which evidence.
        ADD COLUMN resolved_by    text,
        ADD COLUMN resolution     text,
        ADD CHECK ((state IN ('confirmed', 'failed')) = (ended_at IS NOT NULL)),
        ADD CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
        ADD CHECK ((resolved_by IS NULL) = (resolution IS NULL))
    """,
    # Which purchases a process left behind.
    "CREATE INDEX purchase_history_pending ON purchase_history (requested_at) WHERE state = 'pending'",
    "CREATE INDEX purchase_history_client ON purchase_history (client_id, requested_at DESC, id DESC)",
    "CREATE INDEX purchase_history_requested ON purchase_history (requested_at DESC, id DESC)",
    "CREATE INDEX purchase_history_diamond ON purchase_history (diamond_id, requested_at DESC, id DESC)",
]


def upgrade() -> None:
    """Add the columns and the indexes."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    for name in (
        "purchase_history_diamond", "purchase_history_requested", "purchase_history_client", "purchase_history_pending",
        "hold_history_diamond", "hold_history_requested", "hold_history_client", "hold_history_supplier",
        "hold_history_due",
    ):  # fmt: skip
        op.execute(f"DROP INDEX {name}")
    op.execute("""
        ALTER TABLE purchase_history
            DROP COLUMN hold_id, DROP COLUMN offer_id, DROP COLUMN destination_id, DROP COLUMN reference,
            DROP COLUMN comments, DROP COLUMN return_option, DROP COLUMN sent_at, DROP COLUMN failure_code,
            DROP COLUMN failure, DROP COLUMN resolved_by, DROP COLUMN resolution,
            DROP CONSTRAINT purchase_history_check
    """)
    op.execute("""
        ALTER TABLE hold_history
            DROP COLUMN price_cents, DROP COLUMN wanted_until, DROP COLUMN supplier_until, DROP COLUMN reason,
            DROP COLUMN due_at, DROP COLUMN attempts, ALTER COLUMN expires_at DROP NOT NULL
    """)
