"""GraphQL type Diamond: a table of fields with the columns that each field reads and the function that computes it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.schema.name_converter import NameConverter

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info, Selection
from app.graphql.diamonds.details import (
    Certificate,
    FancyColor,
    Measurements,
    ReportedGrades,
    certificate_of,
    fancy_of,
    measurements_of,
    reported_grades_of,
)
from app.graphql.diamonds.fields import SOURCE, FieldSource, amount, column, computed, grade
from app.graphql.diamonds.grades import (
    Availability,
    ClarityGrade,
    ColorGrade,
    CutGrade,
    Fluorescence,
    GrowthMethod,
    Origin,
    Shape,
)
from app.graphql.diamonds.media import (
    DeliveryTime,
    Image,
    Spin360,
    Video,
    delivery_time_of,
    growth_method_of,
    images_of,
    key_to_symbols_of,
    origin_of,
    spin_of,
    videos_of,
)
from app.graphql.money import Money, money
from app.graphql.permissions import field
from app.graphql.relay import Node, global_id
from app.graphql.selection_compiler import READ, Read
from inventory.catalog.diamond import Diamond as Row


@strawberry.type(description="Current hold of a diamond.")
class DiamondHold:
    row: strawberry.Private[Mapping[str, Any]]
    asked_reference: strawberry.Private[str | None] = None

    until: datetime = strawberry.field(description="End of the hold; the latest possible end while it is requested.")

    @field(description="Global id of the hold for its client; null for other clients.")
    def own_id(self, info: Info) -> strawberry.ID | None:
        return global_id("Hold", UUID(self.row["id"])) if self._own(info) else None

    @field(description="Guaranteed price for its client; null for other clients.")
    def price(self, info: Info) -> Money | None:
        return money(self.row["price_cents"]) if self._own(info) else None

    @field(description="Reference of the client; null for other clients.")
    def reference(self, info: Info) -> str | None:
        reference: str | None = self.row["reference"]
        return reference if self._own(info) else None

    def _own(self, info: Info) -> bool:
        client_id: str = self.row["client_id"]
        asked = self.asked_reference
        return client_id == info.context.caller.client_id and (asked is None or asked == self.row["reference"])


_CERTIFICATE = {"lab": "certificate_lab", "number": "certificate_number", "pdf_url": "certificate_pdf_url"}


def _hold(row: Row) -> DiamondHold | None:
    held = row.open_hold
    if held is None:
        return None
    until = held["wanted_until" if held["state"] == "requested" else "expires_at"]
    return DiamondHold(row=held, until=datetime.fromisoformat(until))


def _hold_of_reference(
    self: "Diamond",
    reference: Annotated[
        str | None,
        strawberry.argument(description="Show details only of a hold of this reference of the caller."),
    ] = UNSET,
) -> DiamondHold | None:
    hold = _hold(self.row)
    if hold is not None:
        hold.asked_reference = given_or_none(reference)
    return hold


@strawberry.type(description="A diamond of the inventory.")
class Diamond(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = computed(
        "id",
        of=lambda row: global_id("Diamond", row.id),
        description="Opaque global id.",
        read=Read("row", column="id", leaf=partial(global_id, "Diamond")),
    )
    database_id: UUID = column("id", "Id of the diamond in REST.")
    supplier: str = column("supplier", "Code of the supplier, such as `nivoda`.")
    supplier_stone_id: str = column("supplier_stone_id", "Id at the supplier.")
    supplier_name: str | None = column("supplier_name", "Company that offers the diamond through the supplier.")
    shape: Shape = grade("shape", Shape, "The shape.")
    carat: float = computed(
        "carat_milli", of=lambda row: row.carat_milli / 1000, description="Weight in carats, such as 1.01."
    )
    color: ColorGrade | None = grade("color", ColorGrade, "Colour grade; null for fancy colours.")
    clarity: ClarityGrade | None = grade("clarity", ClarityGrade, "Clarity grade.")
    cut: CutGrade | None = grade("cut", CutGrade, "Cut grade; usually null for shapes other than round.")
    polish: CutGrade | None = grade("polish", CutGrade, "Polish grade.")
    symmetry: CutGrade | None = grade("symmetry", CutGrade, "Symmetry grade.")
    fluorescence: Fluorescence | None = grade("fluorescence", Fluorescence, "Strength of fluorescence.")
    fluorescence_color: str | None = column("fluorescence_color", "Colour of fluorescence, such as `BLUE`.")
    reported_grades: ReportedGrades = computed(
        "raw_shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "raw_availability",
        of=reported_grades_of,
        description="Grades as text, including those outside the enums.",
    )  # fmt: skip
    fancy_color: FancyColor | None = computed(
        "fancy_color", "fancy_intensity", "fancy_overtone",
        of=fancy_of,
        description="Fancy colour; null for white diamonds.",
    )  # fmt: skip
    lab_grown: bool = column("lab_grown", "Whether the diamond is lab-grown.")
    treated: bool | None = column("treated", "Whether the diamond is treated; null if unknown.")
    eye_clean: bool | None = column("eye_clean", "Whether inclusions are invisible to the naked eye.")
    brown_tinge: bool | None = column("brown_tinge", "Whether it has a brown tinge.")
    green_tinge: bool | None = column("green_tinge", "Whether it has a green tinge.")
    milky: bool | None = column("milky", "Whether it is milky.")
    measurements: Measurements = computed(
        "length_milli", "width_milli", "height_milli", "ratio_milli", "table_milli", "depth_milli", "measurements",
        of=measurements_of,
        description="Size and proportions.",
    )  # fmt: skip
    certificate: Certificate | None = computed(
        "certificate_lab",
        "certificate_number",
        "certificate_pdf_url",
        of=certificate_of,
        description="Certificate of the laboratory.",
        read=Read("row", function=certificate_of, inline=_CERTIFICATE, absent=tuple(_CERTIFICATE.values())),
    )
    image_url: str | None = column("image_url", "URL of an image.")
    video_url: str | None = column("video_url", "URL of a video, usually a 360-degree view.")
    price: Money = amount("retail_price_cents", description="Retail price.")
    price_per_carat: Money = amount(
        "retail_per_carat_cents",
        columns=("retail_price_cents", "carat_milli"),
        description="Retail price per carat, rounded half up to the cent.",
    )
    supplier_price: Money | None = amount(
        "supplier_price_cents",
        description="Price of the supplier. Null with a FORBIDDEN error without the scope.",
        scope=Scope.PRICES_SUPPLIER,
    )
    supplier_price_per_carat: Money | None = amount(
        "price_per_carat_cents",
        description="Price of the supplier per carat. Null with a FORBIDDEN error without the scope.",
        scope=Scope.PRICES_SUPPLIER,
    )
    markup_ratio: float | None = computed(
        "markup_ratio",
        of=lambda row: float(row.markup_ratio),
        description="Retail price divided by the supplier price. Null with a FORBIDDEN error without the scope.",
        scope=Scope.PRICES_SUPPLIER,
    )
    rating: int | None = column("rating", "Rating by the pricing rules, from 1 to 10 (best).")
    availability: Availability = computed(
        "availability",
        of=lambda row: Availability(row.availability),
        description="Availability.",
        read=Read("row", column="availability", leaf={one.value: one.name for one in Availability}.__getitem__),
    )
    images: list[Image] = computed(
        "image_url",
        "lab_grown",
        "shape",
        "carat_milli",
        "attributes",
        of=images_of,
        description="Images, the main one first.",
    )
    videos: list[Video] = computed(
        "video_url", "spin_url", "attributes", of=videos_of, description="Videos, without the 360-degree view."
    )
    spin360: Spin360 | None = computed("spin_url", of=spin_of, description="360-degree view; null if there is none.")
    origin: Origin = computed("lab_grown", of=origin_of, description="Whether it is natural or lab-grown.")
    growth_method: GrowthMethod | None = computed(
        "growth_method",
        of=growth_method_of,
        description="How a lab-grown diamond was made; null if natural or not stated.",
    )
    delivery_time: DeliveryTime | None = computed(
        "delivery_min_days", "delivery_max_days", "attributes",
        of=delivery_time_of,
        description="Delivery time; null if the supplier does not state it.",
    )  # fmt: skip
    return_window_days: int | None = column(
        "return_days", "Days within which the supplier takes the diamond back; 0 if it does not, null if not stated."
    )
    key_to_symbols: list[str] | None = computed(
        "attributes", of=key_to_symbols_of, description="Inclusions that the certificate lists; null if it lists none."
    )
    stock_number: str | None = column("stock_number", "Stock number of the supplier platform.")
    supplier_stock_number: str | None = column("supplier_stock_number", "Stock number of the company.")
    hold: DiamondHold | None = strawberry.field(
        resolver=_hold_of_reference,
        description="Current hold; null if none.",
        metadata={SOURCE: FieldSource(frozenset({"open_hold"}), None), READ: Read("row", function=_hold)},
    )
    attributes: JSON = computed(
        "attributes",
        of=lambda row: msgspec.json.decode(row.attributes),
        description="Further attributes with the names of the supplier. They may change without notice.",
    )
    source_updated_at: datetime = column("source_updated_at", "Time of the last change of the supplier data.")
    created_at: datetime = column("created_at", "Time when the diamond entered the inventory.")
    updated_at: datetime = column("updated_at", "Time of the last change.")


def _sources() -> Mapping[str, FieldSource]:
    names = NameConverter()
    fields = Diamond.__strawberry_definition__.fields  # type: ignore[attr-defined]  # added by the decorator
    return {names.get_graphql_name(field): field.metadata[SOURCE] for field in fields}


SOURCES: Mapping[str, FieldSource] = _sources()


def columns_of(*selections: Selection) -> frozenset[str]:
    """Return the columns that selections of Diamond need."""
    return frozenset(column for name in _names(selections) if name in SOURCES for column in SOURCES[name].columns)


def _names(selections: Iterable[Selection]) -> Iterable[str]:
    return (name for selection in selections for name in selection)


async def find_diamonds(keys: Collection[UUID], info: Info) -> Mapping[UUID, Diamond]:
    """Find active diamonds by id, with the selected columns."""
    found = await info.context.search.find(keys, columns_of(info.selection))
    return {key: Diamond(row=row) for key, row in found.items()}
