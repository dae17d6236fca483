"""Changes of pricing rules with their author, to show and to undo them."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Its own one, because a change outlives its rule."""
    op.execute("""
        CREATE TABLE pricing_rule_changes (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            rule_id   uuid NOT NULL,
            at        timestamptz NOT NULL,
            -- The client whose key made the change.
            client_id text NOT NULL,
            -- The row of pricing_rules before and after; NULL before a rule was created and after it was deleted.
            before    jsonb,
            after     jsonb,
            -- The change that this one undoes.
            undoes    bigint REFERENCES pricing_rule_changes,
            CHECK (before IS NOT NULL OR after IS NOT NULL)
        )
    """)
    # A change is undone once.
    op.execute(
        "CREATE UNIQUE INDEX pricing_rule_changes_undoes ON pricing_rule_changes (undoes) WHERE undoes IS NOT NULL"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE pricing_rule_changes")
