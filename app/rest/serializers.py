"""REST representation of a diamond."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond

# JSON Schema of an encoded object, for the OpenAPI document.
_OBJECT = msgspec.Meta(extra_json_schema={"type": "object"})
_ANY_MEMBERS = msgspec.Meta(extra_json_schema={"type": "object", "additionalProperties": {"description": "Any value."}})
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, object]).decode

T = TypeVar("T")


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
    attributes: Annotated[msgspec.Raw, _ANY_MEMBERS]
    supplier_name: str | None = None
    supplier_legal_name: str | None = None
    status: str
    source_updated_at: datetime
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


# Columns without a field in the contract, by their key in `attributes`.
_ATTRIBUTE_COLUMNS: Mapping[str, str] = {
    "fluorescenceColor": "fluorescence_color",
    "fancyColor": "fancy_color",
    "fancyIntensity": "fancy_intensity",
    "fancyOvertone": "fancy_overtone",
}
# The columns that `serialize` reads.
SERIALIZED: Collection[str] = frozenset({
    *(set(DiamondAnswer.__struct_fields__) & set(Diamond.__struct_fields__)), *_ATTRIBUTE_COLUMNS.values(), "carat_milli",
    "open_hold",
})  # fmt: skip


def own_hold(diamond: Diamond, client_id: str) -> str | None:
    """Return the id of the open hold that the client has on a diamond, or None."""
    hold = diamond.open_hold
    return str(hold["id"]) if hold and hold["client_id"] == client_id else None


def serialize(diamond: Diamond, client_id: str) -> DiamondAnswer:
    """Serialize a diamond for a client. A supplier cost that was not selected is omitted."""
    ratio = _selected(diamond.markup_ratio)
    # Written out instead of a loop over the fields: a page has 50 diamonds.
    return DiamondAnswer(
        id=diamond.id,
        supplier=diamond.supplier,
        supplier_stone_id=diamond.supplier_stone_id,
        offer_id=diamond.offer_id,
        shape=diamond.shape,
        carats=diamond.carat_milli / 1000,
        color=diamond.color,
        clarity=diamond.clarity,
        cut=diamond.cut,
        polish=diamond.polish,
        symmetry=diamond.symmetry,
        fluorescence=diamond.fluorescence,
        lab_grown=diamond.lab_grown,
        treated=diamond.treated,
        supplier_price_cents=_selected(diamond.supplier_price_cents),
        price_per_carat_cents=_selected(diamond.price_per_carat_cents),
        retail_price_cents=diamond.retail_price_cents,
        # At most four decimals, so the conversion is exact in JSON.
        markup_ratio=None if ratio is None else float(ratio),
        rating=diamond.rating,
        availability=diamond.availability,
        raw_availability=diamond.raw_availability,
        hold_id=own_hold(diamond, client_id),
        image_url=diamond.image_url,
        video_url=diamond.video_url,
        certificate_lab=diamond.certificate_lab,
        certificate_number=diamond.certificate_number,
        certificate_pdf_url=diamond.certificate_pdf_url,
        measurements=msgspec.Raw(diamond.measurements.encode()),
        attributes=msgspec.Raw(_attributes(diamond).encode()),
        supplier_name=diamond.supplier_name,
        supplier_legal_name=diamond.supplier_legal_name,
        status=diamond.status,
        source_updated_at=diamond.source_updated_at,
        created_at=diamond.created_at,
        updated_at=diamond.updated_at,
        deleted_at=diamond.deleted_at,
    )


def _selected(value: T) -> T | None:
    return None if value is msgspec.UNSET else value


def _attributes(diamond: Diamond) -> str:
    """The text of the attributes, with the columns that have no field before them. An attribute of the same name prevails."""
    text = diamond.attributes.strip()
    if not text.startswith("{"):
        raise ValueError("attributes are not a JSON object")
    members = [
        f'"{key}":{_encode(value).decode()}'
        for key, column in _ATTRIBUTE_COLUMNS.items()
        if (value := getattr(diamond, column)) is not None and not _has_member(text, key)
    ]
    if not members:
        return text
    own = text[1:]
    return f"{{{','.join(members)}{'' if own.lstrip() == '}' else ','}{own}"


def _has_member(text: str, key: str) -> bool:
    """Whether a JSON object has a member. Most texts do not hold the name and are not decoded."""
    return f'"{key}"' in text and key in _decode(text)
