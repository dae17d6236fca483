"""The GraphQL documents that clients have registered."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    # Its own table: no other knows anything of what clients ask.
    op.execute("""
        CREATE TABLE persisted_documents (
            -- SHA-256 of the text, hexadecimal: the documentId that clients send.
            id            text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{64}$'),
            client_id     text NOT NULL CHECK (client_id <> ''),
            -- The file that it came from, for people.
            name          text NOT NULL,
            text          text NOT NULL,
            registered_at timestamptz NOT NULL
        )
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE persisted_documents")
