"""The canonical stone: what every supplier's payload is mapped to, once, where it is received.

Its fields are the shared columns of the raw table and of `diamonds`, by the same names. Units: `*_cents` US cents,
`*_milli` thousandths of the unit (carat, millimetre, percent, or the plain ratio). Ranks come from `inventory.catalog.grades`.
"""

from uuid import UUID, uuid5

import msgspec

_NAMESPACE = UUID("8f6d1c1e-8f0e-5c55-9d0c-6d1f8c5b7a10")


def diamond_id(supplier: str, supplier_stone_id: str) -> UUID:
    """The inventory's id of a supplier's stone: always the same, so a rebuilt inventory keeps its ids."""
    return uuid5(_NAMESPACE, f"{supplier}:{supplier_stone_id}")


class Stone(msgspec.Struct, frozen=True, kw_only=True):
    """A stone in the inventory's own terms, without a retail price. A value that is not known is None."""

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
    certificate_hidden: bool  # the supplier asks not to show its number and its document
    measurements_hidden: bool  # the supplier asks not to show them
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
    stock_number: str | None  # the supplier platform's
    supplier_stock_number: str | None
    delivery_min_days: int | None  # business days
    delivery_max_days: int | None
    return_days: int | None  # 0: not returnable
    measurements: bytes  # a JSON object: crown, pavilion, girdle, culet ..., as the certificate states them
    attributes: bytes  # a JSON object: what else a client may show
