"""Diamond model: result of searches and lookups. Only the requested columns are set."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

# Default of every field: the column was not requested. Reading it is a programming error.
_NOT_ASKED: Any = msgspec.UNSET

# Supplier prices and markup: visible with the scope `prices:supplier` only.
SUPPLIER_COST = frozenset({"supplier_price_cents", "price_per_carat_cents", "markup_ratio"})


class Diamond(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `diamonds`. Each field is the column of the same name.

    Two fields are computed by the query: `availability` combines the supplier's availability with our holds and purchases;
    `open_hold` is the row of `hold_history` of the open hold, None without one.

    Units: `*_cents` US cents, `*_milli` thousandths (of a carat, a millimetre, a percent, or the plain ratio).
    `measurements` and `attributes` are the text of a JSON object.
    """

    id: UUID
    supplier: str = _NOT_ASKED
    supplier_stone_id: str = _NOT_ASKED
    offer_id: str | None = _NOT_ASKED
    shape: str = _NOT_ASKED
    raw_shape: str | None = _NOT_ASKED
    carat_milli: int = _NOT_ASKED
    color: str | None = _NOT_ASKED
    clarity: str | None = _NOT_ASKED
    cut: str | None = _NOT_ASKED
    polish: str | None = _NOT_ASKED
    symmetry: str | None = _NOT_ASKED
    fluorescence: str | None = _NOT_ASKED
    fluorescence_color: str | None = _NOT_ASKED
    fancy_color: str | None = _NOT_ASKED
    fancy_intensity: str | None = _NOT_ASKED
    fancy_overtone: str | None = _NOT_ASKED
    lab_grown: bool = _NOT_ASKED
    treated: bool | None = _NOT_ASKED
    supplier_price_cents: int = _NOT_ASKED
    price_per_carat_cents: int = _NOT_ASKED
    retail_price_cents: int = _NOT_ASKED
    markup_ratio: Decimal = _NOT_ASKED
    rating: int | None = _NOT_ASKED
    availability: str = _NOT_ASKED
    raw_availability: str | None = _NOT_ASKED
    open_hold: dict[str, Any] | None = _NOT_ASKED
    image_url: str | None = _NOT_ASKED
    video_url: str | None = _NOT_ASKED
    certificate_lab: str | None = _NOT_ASKED
    certificate_number: str | None = _NOT_ASKED
    certificate_pdf_url: str | None = _NOT_ASKED
    certificate_hidden: bool = _NOT_ASKED
    measurements_hidden: bool = _NOT_ASKED
    length_milli: int | None = _NOT_ASKED
    width_milli: int | None = _NOT_ASKED
    height_milli: int | None = _NOT_ASKED
    ratio_milli: int | None = _NOT_ASKED
    table_milli: int | None = _NOT_ASKED
    depth_milli: int | None = _NOT_ASKED
    eye_clean: bool | None = _NOT_ASKED
    brown_tinge: bool | None = _NOT_ASKED
    green_tinge: bool | None = _NOT_ASKED
    milky: bool | None = _NOT_ASKED
    supplier_name: str | None = _NOT_ASKED
    supplier_legal_name: str | None = _NOT_ASKED
    growth_method: str | None = _NOT_ASKED
    spin_url: str | None = _NOT_ASKED
    stock_number: str | None = _NOT_ASKED
    supplier_stock_number: str | None = _NOT_ASKED
    delivery_min_days: int | None = _NOT_ASKED
    delivery_max_days: int | None = _NOT_ASKED
    return_days: int | None = _NOT_ASKED
    measurements: str = _NOT_ASKED
    attributes: str = _NOT_ASKED
    status: str = _NOT_ASKED
    source_updated_at: datetime = _NOT_ASKED
    created_at: datetime = _NOT_ASKED
    updated_at: datetime = _NOT_ASKED
    deleted_at: datetime | None = _NOT_ASKED

    @property
    def retail_per_carat_cents(self) -> int:
        """Retail price per carat, rounded half up to the cent, with the same arithmetic as the sort of that name."""
        return (self.retail_price_cents * 2000 + self.carat_milli) // (2 * self.carat_milli)


COLUMNS: Collection[str] = Diamond.__struct_fields__
