"""Canonical stone: supplier-independent model to which each supplier item is mapped when it is received.

Its fields have the names of the shared columns of the raw table and `diamonds`. Units: `*_cents` US cents, `*_milli`
thousandths (of a carat, a millimetre, a percent, or the plain ratio). Ranks are those of `inventory.catalog.grades`.
"""

import hashlib
from uuid import UUID

import msgspec

# Hash state of `uuid.uuid5` after the namespace, which each id begins with.
_namespace = hashlib.sha1(UUID("8f6d1c1e-8f0e-5c55-9d0c-6d1f8c5b7a10").bytes, usedforsecurity=False)


def diamond_id(supplier: str, supplier_stone_id: str) -> UUID:
    """Derive the diamond id (UUID, version 5) of a supplier's stone. It is deterministic, so a rebuilt inventory has the same ids."""
    named = _namespace.copy()
    named.update(f"{supplier}:{supplier_stone_id}".encode())
    return UUID(bytes=named.digest()[:16], version=5)


class Stone(msgspec.Struct, frozen=True, kw_only=True):
    """A stone in canonical units and vocabulary, without a retail price. Unknown values are None."""

    supplier_stone_id: str
    offer_id: str | None
    shape: str  # of grades.SHAPES
    raw_shape: str | None
    carat_milli: int
    color: str | None
    color_rank: int | None
    clarity: str | None
    clarity_rank: int | None
    cut: str | None
    cut_rank: int | None
    polish: str | None
    polish_rank: int | None
    symmetry: str | None
    symmetry_rank: int | None
    fluorescence: str | None
    fluorescence_rank: int | None
    fluorescence_color: str | None
    fancy_color: str | None
    fancy_intensity: str | None
    fancy_overtone: str | None
    lab_grown: bool
    treated: bool | None
    supplier_price_cents: int
    price_per_carat_cents: int
    availability: str  # of grades.AVAILABILITIES
    raw_availability: str | None
    hold_id: str | None
    image_url: str | None
    video_url: str | None
    certificate_lab: str | None
    certificate_number: str | None
    certificate_pdf_url: str | None
    certificate_hidden: bool  # the supplier requires that number and document are hidden
    measurements_hidden: bool  # the supplier requires that measurements are hidden
    length_milli: int | None
    width_milli: int | None
    height_milli: int | None
    ratio_milli: int | None
    table_milli: int | None
    depth_milli: int | None
    eye_clean: bool | None
    brown_tinge: bool | None
    green_tinge: bool | None
    milky: bool | None
    supplier_name: str | None
    supplier_legal_name: str | None
    growth_method: str | None  # of grades.GROWTH_METHODS; None for a natural stone
    spin_url: str | None  # a 360-degree view
    stock_number: str | None  # of the supplier's platform
    supplier_stock_number: str | None
    delivery_min_days: int | None  # business days
    delivery_max_days: int | None
    return_days: int | None  # 0: not returnable
    measurements: bytes  # a JSON object: crown, pavilion, girdle, culet ..., as the certificate states them
    attributes: bytes  # a JSON object: other values that clients may display
