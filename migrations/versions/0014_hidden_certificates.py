"""Certificates and measurements that the supplier asks not to show."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_FLAGS = ("certificate_hidden", "measurements_hidden")


def upgrade() -> None:
    """Add the flags, and set them for the diamonds whose attributes hold a "no" already."""
    for flag in _FLAGS:
        op.execute(f"ALTER TABLE raw_diamonds_nivoda ADD COLUMN {flag} boolean DEFAULT false")
        op.execute(f"ALTER TABLE diamonds ADD COLUMN {flag} boolean NOT NULL DEFAULT false")
    op.execute("UPDATE diamonds SET certificate_hidden = true WHERE attributes ->> 'showCertificateNumber' = 'false'")
    op.execute("UPDATE diamonds SET measurements_hidden = true WHERE attributes ->> 'showMeasurements' = 'false'")


def downgrade() -> None:
    """Drop them."""
    for flag in _FLAGS:
        op.execute(f"ALTER TABLE diamonds DROP COLUMN {flag}")
        op.execute(f"ALTER TABLE raw_diamonds_nivoda DROP COLUMN {flag}")
