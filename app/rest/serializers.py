"""REST representation of a diamond."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond

# JSON Schema of an encoded object, for the OpenAPI document.
_OBJECT = msgspec.Meta(extra_json_schema={"type": "object"})
_decoder = msgspec.json.Decoder(dict[str, object])


class DiamondAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`Diamond` of the REST contract. Fields without a value are omitted; prices are in US cents.

    `measurements` are those of the certificate; `attributes` holds further data. Both are as stored.
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


# Fields that are columns without conversion.
_COLUMN_FIELDS = tuple(sorted(set(DiamondAnswer.__struct_fields__) & set(Diamond.__struct_fields__) - {
    "measurements", "attributes",
}))  # fmt: skip
# Columns without a field in the contract, by their key in `attributes`.
_ATTRIBUTE_COLUMNS: Mapping[str, str] = {
    "fluorescenceColor": "fluorescence_color",
    "fancyColor": "fancy_color",
    "fancyIntensity": "fancy_intensity",
    "fancyOvertone": "fancy_overtone",
}


def own_hold(diamond: Diamond, client_id: str) -> str | None:
    """Return the id of the open hold that the client has on a diamond, or None."""
    hold = diamond.open_hold
    return str(hold["id"]) if hold and hold["client_id"] == client_id else None


def serialize(diamond: Diamond, client_id: str) -> DiamondAnswer:
    """Serialize a diamond for a client. Columns that were not selected (the supplier cost) are omitted."""
    fields = {name: value for name in _COLUMN_FIELDS if (value := getattr(diamond, name)) is not msgspec.UNSET}
    if ratio := fields.get("markup_ratio"):
        fields["markup_ratio"] = float(ratio)  # at most four decimals, so the conversion is exact in JSON
    return DiamondAnswer(
        **fields,
        hold_id=own_hold(diamond, client_id),
        carats=diamond.carat_milli / 1000,
        measurements=msgspec.Raw(diamond.measurements.encode()),
        attributes=_without_nulls({key: getattr(diamond, column) for key, column in _ATTRIBUTE_COLUMNS.items()})
        | _decoder.decode(diamond.attributes),
    )


def _without_nulls(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
