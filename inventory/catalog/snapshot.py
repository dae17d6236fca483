"""Purchase snapshots: values of a diamond at the time of its purchase, kept after it leaves the inventory."""

import msgspec

from inventory.catalog.diamond import Diamond

# Properties of the stone and its documents. Prices, the supplier's offer and the state of the row are excluded.
SNAPSHOT_COLUMNS = (
    "id", "supplier", "supplier_stone_id", "supplier_name", "stock_number", "supplier_stock_number", "shape", "raw_shape",
    "carat_milli", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "fluorescence_color", "fancy_color",
    "fancy_intensity", "fancy_overtone", "lab_grown", "growth_method", "treated", "eye_clean", "brown_tinge", "green_tinge",
    "milky", "length_milli", "width_milli", "height_milli", "ratio_milli", "table_milli", "depth_milli", "measurements",
    "measurements_hidden", "certificate_lab", "certificate_number", "certificate_pdf_url", "certificate_hidden", "image_url",
    "video_url", "spin_url", "delivery_min_days", "delivery_max_days", "return_days", "attributes",
)  # fmt: skip
# Columns whose text is a JSON object.
_OBJECTS = frozenset({"measurements", "attributes"})

_decoder = msgspec.json.Decoder(Diamond)


def select_list() -> str:
    """Select list of a snapshot."""
    return ", ".join(f"{name}::text AS {name}" if name in _OBJECTS else name for name in SNAPSHOT_COLUMNS)


def read_snapshot(text: str) -> Diamond:
    """Decode a stored snapshot. Other columns are not set."""
    return _decoder.decode(text)
