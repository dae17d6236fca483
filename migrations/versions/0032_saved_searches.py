"""Searches that clients save under a name."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute("""
        CREATE TABLE saved_searches (
            id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            client_id text NOT NULL,
            -- A shopper of the client; NULL for the client as a whole.
            reference text,
            name      text NOT NULL,
            -- A DiamondFilter, by the names of the GraphQL schema.
            filter    jsonb NOT NULL,
            saved_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
            CONSTRAINT saved_searches_name UNIQUE NULLS NOT DISTINCT (client_id, reference, name)
        )
    """)
    op.execute("CREATE INDEX saved_searches_saved ON saved_searches (client_id, saved_at DESC, id DESC)")


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE saved_searches")
