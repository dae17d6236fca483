"""A diamond as REST shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond

# As it is encoded, for the documentation.
_OBJECT = msgspec.Meta(extra_json_schema={"type": "object"})
_decoder = msgspec.json.Decoder(dict[str, object])


class DiamondAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The contract's `Diamond`. A field without a value is left out; prices are US cents.

    `measurements` and `attributes` are as stored: the certificate's own, and what else is known.
    """

    id: UUID
    supplier: str
    supplier_stone_id: str
    offer_id: str | None = None
    shape: str
    carats: float
    color: str | None = None
    clarity: str | None = None
    cut: str | None = None
    polish: str | None = None
    symmetry: str | None = None
    fluorescence: str | None = None
    lab_grown: bool
    treated: bool | None = None
    supplier_price_cents: int | None = None
    price_per_carat_cents: int | None = None
    retail_price_cents: int
    markup_ratio: float | None = None
    rating: int | None = None
    availability: str
    raw_availability: str | None = None
    hold_id: str | None = None
    image_url: str | None = None
    video_url: str | None = None
    certificate_lab: str | None = None
    certificate_number: str | None = None
    certificate_pdf_url: str | None = None
    measurements: Annotated[msgspec.Raw, _OBJECT]
    attributes: Mapping[str, object]
    supplier_name: str | None = None
    supplier_legal_name: str | None = None
    status: str
    source_updated_at: datetime
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


# The fields of the answer that are columns as they stand.
_PLAIN = tuple(sorted(set(DiamondAnswer.__struct_fields__) & set(Diamond.__struct_fields__) - {
    "measurements", "attributes",
}))  # fmt: skip
# What the contract has no field for, and a jeweller asks about.
_FURTHER: Mapping[str, str] = {
    "fluorescenceColor": "fluorescence_color",
    "fancyColor": "fancy_color",
    "fancyIntensity": "fancy_intensity",
    "fancyOvertone": "fancy_overtone",
}


def own_hold(diamond: Diamond, client_id: str) -> str | None:
    """The id of the client's own hold of a diamond. The availability says that another client holds it."""
    hold = diamond.open_hold
    return str(hold["id"]) if hold and hold["client_id"] == client_id else None


def serialize(diamond: Diamond, client_id: str) -> DiamondAnswer:
    """The answer's form for a client. Columns that were not asked for (the supplier's cost) are left out."""
    asked = {name: value for name in _PLAIN if (value := getattr(diamond, name)) is not msgspec.UNSET}
    if ratio := asked.get("markup_ratio"):
        asked["markup_ratio"] = float(ratio)  # four decimals at most, so it is written as it is stored
    return DiamondAnswer(
        **asked,
        hold_id=own_hold(diamond, client_id),
        carats=diamond.carat_milli / 1000,
        measurements=msgspec.Raw(diamond.measurements.encode()),
        attributes=_known({key: getattr(diamond, column) for key, column in _FURTHER.items()})
        | _decoder.decode(diamond.attributes),
    )


def _known(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
