"""The supplier's later answer to an accepted order: purchases are ordered first, then confirmed or declined.

Contracts: only the list of event kinds, in exchange for a longer one. No release writes kinds outside of both, and the other
constraints concern columns that no release before this one writes.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KINDS = (
    "hold_requested", "hold_activated", "hold_denied", "hold_extended", "hold_released", "hold_expired",
    "hold_purchased", "purchase_pending", "purchase_confirmed", "purchase_failed", "purchase_unknown",
    "diamonds_changed", "diamonds_removed", "diamonds_repriced",
)  # fmt: skip
_NEW_KINDS = ("purchase_ordered", "purchase_declined")


def upgrade() -> None:
    """Add the columns and the event kinds. Accepted orders of before are ordered: no answer is known for them."""
    # Beside `state`, which keeps its four values and meanings for code of before: 'confirmed' says that the supplier has
    # accepted the order. docs/decisions/0005-purchase-states.md has the reasons.
    op.execute("""
        ALTER TABLE purchase_history
            -- The supplier's later message about an accepted order; NULL while there is none.
            ADD COLUMN supplier_answer text CHECK (supplier_answer IN ('confirmed', 'declined')),
            ADD COLUMN answered_at     timestamptz,
            -- Who recorded the answer, and how it is known.
            ADD COLUMN answered_by     text,
            ADD COLUMN answer_reason   text,
            -- When an operator was reminded that no answer is recorded.
            ADD COLUMN reminded_at     timestamptz,
            ADD CHECK ((supplier_answer IS NULL) = (answered_at IS NULL)),
            ADD CHECK ((supplier_answer IS NULL) = (answered_by IS NULL)),
            ADD CHECK ((supplier_answer IS NULL) = (answer_reason IS NULL))
    """)
    # Orders whose answer has long arrived without a record of it: a reminder of each is of no use.
    op.execute("""
        UPDATE purchase_history SET reminded_at = clock_timestamp()
        WHERE state = 'confirmed' AND ended_at < clock_timestamp() - interval '48 hours'
    """)
    _replace_kinds((*_KINDS, *_NEW_KINDS))


def downgrade() -> None:
    """Drop them. Declined orders become failed ones, and events of the new kinds the next ones of the old kinds."""
    op.execute("""
        UPDATE event_log
        SET kind = CASE kind WHEN 'purchase_ordered' THEN 'purchase_confirmed' ELSE 'purchase_failed' END
        WHERE kind IN ('purchase_ordered', 'purchase_declined')
    """)
    op.execute("""
        UPDATE purchase_history SET state = 'failed', failure_code = 'PURCHASE_FAILED', failure = answer_reason
        WHERE state = 'confirmed' AND supplier_answer = 'declined'
    """)
    _replace_kinds(_KINDS)
    op.execute("""
        ALTER TABLE purchase_history
            DROP COLUMN supplier_answer, DROP COLUMN answered_at, DROP COLUMN answered_by, DROP COLUMN answer_reason,
            DROP COLUMN reminded_at
    """)


def _replace_kinds(kinds: tuple[str, ...]) -> None:
    """The kinds that an event may have. Not validated: every row satisfies the narrower list of before."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("ALTER TABLE event_log DROP CONSTRAINT event_log_kind_check")
    op.execute(f"ALTER TABLE event_log ADD CONSTRAINT event_log_kind_check CHECK (kind IN ({listed})) NOT VALID")
