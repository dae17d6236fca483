"""Rows of `diamonds` for tests, and types of the fixtures that insert them."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from inventory.catalog import grades
from inventory.catalog.stone import diamond_id
from inventory.core.settings import Settings

Row = dict[str, Any]
Insert = Callable[..., Awaitable[None]]
MakeKey = Callable[..., Awaitable[str]]
Query = Callable[..., Awaitable[Mapping[str, Any]]]
Serve = Callable[[Settings], AbstractAsyncContextManager[str]]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_SCALES = {
    "color": grades.COLORS, "clarity": grades.CLARITIES, "cut": grades.CUTS, "polish": grades.FINISHES,
    "symmetry": grades.FINISHES, "fluorescence": grades.FLUORESCENCES,
}  # fmt: skip


def build(number: int, **values: Any) -> Row:
    """A row of `diamonds`: complete, plausible, identified by its number."""
    stone_id = f"stone-{number}"
    row: Row = {
        "id": diamond_id("nivoda", stone_id),
        "supplier": "nivoda",
        "supplier_stone_id": stone_id,
        "offer_id": f"DIAMOND/{number}",
        "shape": "ROUND",
        "raw_shape": "ROUND",
        "carat_milli": 1010,
        "color": "E",
        "clarity": "VS1",
        "cut": "EXCELLENT",
        "polish": "VERY_GOOD",
        "symmetry": "GOOD",
        "fluorescence": "FAINT",
        "fluorescence_color": "BLUE",
        "fancy_color": None,
        "fancy_intensity": None,
        "fancy_overtone": None,
        "lab_grown": False,
        "treated": False,
        "supplier_price_cents": 100_000,
        "price_per_carat_cents": 99_010,
        "availability": "available",
        "raw_availability": "AVAILABLE",
        "hold_id": None,
        "image_url": f"https://example.com/{number}.jpg",
        "video_url": None,
        "certificate_lab": "GIA",
        "certificate_number": f"{1_000_000 + number}",
        "certificate_pdf_url": None,
        "length_milli": 6500,
        "width_milli": 6450,
        "height_milli": 4010,
        "ratio_milli": 1008,
        "table_milli": 57_000,
        "depth_milli": 61_900,
        "eye_clean": True,
        "brown_tinge": False,
        "green_tinge": False,
        "milky": None,
        "supplier_name": "Example Diamonds",
        "supplier_legal_name": "Example Diamonds Ltd",
        "growth_method": None,
        "spin_url": None,
        "stock_number": f"N{number:09d}",
        "supplier_stock_number": f"EX{number:07d}",
        "delivery_min_days": 2,
        "delivery_max_days": 6,
        "return_days": 7,
        "measurements": '{"crownAngle":34.5}',
        "attributes": '{"location":"Antwerp"}',
        "retail_price_cents": 115_000,
        "markup_ratio": Decimal("1.15"),
        "rating": 7,
        "status": "active",
        "source_hash": hashlib.md5(stone_id.encode(), usedforsecurity=False).digest(),
        "source_updated_at": EPOCH,
        "created_at": EPOCH + timedelta(seconds=number),
        "updated_at": EPOCH + timedelta(seconds=number),
        "deleted_at": None,
        **values,
    }
    for name, scale in _SCALES.items():
        row[f"{name}_rank"] = grades.ranks(scale).get(row[name])
    return row
