"""Snapshots of purchased diamonds, and whether the supplier granted the requested return."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. A purchase from before has the snapshot of its diamond as it is now."""
    # `json`, not `jsonb`: the texts of measurements and attributes keep their numbers as the certificate states them.
    op.execute("ALTER TABLE purchase_history ADD COLUMN snapshot json, ADD COLUMN return_granted boolean")
    op.execute("""
        UPDATE purchase_history SET snapshot = (
            SELECT row_to_json(stone) FROM (
                SELECT id, supplier, supplier_stone_id, supplier_name, stock_number, supplier_stock_number, shape, raw_shape,
                       carat_milli, color, clarity, cut, polish, symmetry, fluorescence, fluorescence_color, fancy_color,
                       fancy_intensity, fancy_overtone, lab_grown, growth_method, treated, eye_clean, brown_tinge,
                       green_tinge, milky, length_milli, width_milli, height_milli, ratio_milli, table_milli, depth_milli,
                       measurements::text AS measurements, measurements_hidden, certificate_lab, certificate_number,
                       certificate_pdf_url, certificate_hidden, image_url, video_url, spin_url, delivery_min_days,
                       delivery_max_days, return_days, attributes::text AS attributes
                FROM diamonds WHERE diamonds.id = purchase_history.diamond_id
            ) AS stone
        )
    """)


def downgrade() -> None:
    """Drop the columns."""
    op.execute("ALTER TABLE purchase_history DROP COLUMN snapshot, DROP COLUMN return_granted")
