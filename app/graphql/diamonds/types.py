"""GraphQL type Diamond: a table of fields with the columns that each field reads and the function that computes it.

The table defines the resolvers and the columns that a query selects.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
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
from app.graphql.diamonds.grades import (
    Availability,
    ClarityGrade,
    ColorGrade,
    CutGrade,
    Fluorescence,
    Shape,
    grade_names,
    graded,
)
from app.graphql.money import Money, money
from app.graphql.permissions import RequireScope, field
from app.graphql.relay import Node, global_id
from app.graphql.selection_compiler import READ, Read
from inventory.catalog.diamond import Diamond as Row

_SOURCE = "source"


class FieldSource(msgspec.Struct, frozen=True):
    """Columns and scope of a field."""

    columns: frozenset[str]
    scope: Scope | None


def _from(
    *columns: str,
    of: Callable[[Row], Any],
    description: str,
    scope: Scope | None = None,
    read: Read | None = None,
) -> Any:
    """Declare a field that `of` computes from `columns`."""

    def resolve(self: "Diamond") -> Any:
        return of(self.row)

    # Strawberry reads the type from the class annotation.
    del resolve.__annotations__["return"], resolve.__annotations__["self"]
    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata={_SOURCE: FieldSource(frozenset(columns), scope), READ: read or Read("row", function=of)},
        extensions=[RequireScope(scope)] if scope else [],
    )


def _grade(name: str, scale: type[Enum], description: str) -> Any:
    """Declare a field that is a grade: a member of `scale` with the text of a column."""
    return _from(
        name,
        of=lambda row: graded(scale, getattr(row, name)),
        description=description,
        read=Read("row", column=name, leaf=grade_names(scale).__getitem__),
    )


def _column(name: str, description: str) -> Any:
    """Declare a field that is a column."""
    return _from(name, of=lambda row: getattr(row, name), description=description, read=Read("row", column=name))


@strawberry.type(
    description="Grades as the certificate or the supplier states them, including texts that the enums do not contain."
)
class ReportedGrades:
    shape: str | None = strawberry.field(description="The shape.")
    color: str | None = strawberry.field(description="The colour.")
    clarity: str | None = strawberry.field(description="The clarity.")
    cut: str | None = strawberry.field(description="The cut.")
    polish: str | None = strawberry.field(description="The polish.")
    symmetry: str | None = strawberry.field(description="The symmetry.")
    fluorescence: str | None = strawberry.field(description="The fluorescence.")
    availability: str | None = strawberry.field(description="The availability.")


def _reported_grades(row: Row) -> ReportedGrades:
    return ReportedGrades(
        shape=row.raw_shape,
        color=row.color,
        clarity=row.clarity,
        cut=row.cut,
        polish=row.polish,
        symmetry=row.symmetry,
        fluorescence=row.fluorescence,
        availability=row.raw_availability,
    )


@strawberry.type(description="Fancy colour as the certificate states it.")
class FancyColor:
    color: str | None = strawberry.field(description="The colour, such as `PINK`.")
    intensity: str | None = strawberry.field(description="The intensity, such as `INTENSE`.")
    overtone: str | None = strawberry.field(description="The overtone, such as `PURPLISH`.")


def _fancy(row: Row) -> FancyColor | None:
    if (row.fancy_color, row.fancy_intensity, row.fancy_overtone) == (None, None, None):
        return None
    return FancyColor(color=row.fancy_color, intensity=row.fancy_intensity, overtone=row.fancy_overtone)


_HIDDEN = "null if the supplier hides it and the caller lacks the scope `certificates:hidden`"


@strawberry.type(description="Report of a gemmological laboratory.")
class Certificate:
    lab: str | None = strawberry.field(description="Laboratory, such as `GIA`.")
    number: str | None = strawberry.field(description=f"The report's number; {_HIDDEN}.")
    pdf_url: str | None = strawberry.field(description=f"URL of the report; {_HIDDEN}.")


def _certificate(row: Row) -> Certificate | None:
    if (row.certificate_lab, row.certificate_number, row.certificate_pdf_url) == (None, None, None):
        return None
    return Certificate(lab=row.certificate_lab, number=row.certificate_number, pdf_url=row.certificate_pdf_url)


@strawberry.type(
    description="Size and proportions. All fields are null if the supplier hides them and the caller lacks the scope "
    "`certificates:hidden`."
)
class Measurements:
    length_mm: float | None = strawberry.field(description="Length in millimetres.")
    width_mm: float | None = strawberry.field(description="Width in millimetres.")
    height_mm: float | None = strawberry.field(description="Height in millimetres.")
    ratio: float | None = strawberry.field(
        description="Longer side divided by the shorter one; for hearts and triangles length divided by width."
    )
    table_percent: float | None = strawberry.field(description="Width of the table by width of the stone, percent.")
    depth_percent: float | None = strawberry.field(description="Height by width, percent.")
    details: JSON = strawberry.field(
        description="All measurements of the certificate, unchanged: crown, pavilion, girdle, culet and others."
    )


def _measurements(row: Row) -> Measurements:
    return Measurements(
        length_mm=_thousandth(row.length_milli),
        width_mm=_thousandth(row.width_milli),
        height_mm=_thousandth(row.height_milli),
        ratio=_thousandth(row.ratio_milli),
        table_percent=_thousandth(row.table_milli),
        depth_percent=_thousandth(row.depth_milli),
        details=msgspec.json.decode(row.measurements),
    )


def _thousandth(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000


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

    id: strawberry.ID = _from("id", of=lambda row: global_id("Diamond", row.id), description="Opaque global id.")
    database_id: UUID = _column("id", "Id of the diamond in REST.")
    supplier: str = _column("supplier", "Code of the supplier, such as `nivoda`.")
    supplier_stone_id: str = _column("supplier_stone_id", "Id at the supplier.")
    supplier_name: str | None = _column("supplier_name", "Company that offers the diamond through the supplier.")
    shape: Shape = _grade("shape", Shape, "The shape.")
    carat: float = _from(
        "carat_milli", of=lambda row: row.carat_milli / 1000, description="Weight in carats, such as 1.01."
    )
    color: ColorGrade | None = _grade("color", ColorGrade, "Colour grade; null for fancy colours.")
    clarity: ClarityGrade | None = _grade("clarity", ClarityGrade, "Clarity grade.")
    cut: CutGrade | None = _grade("cut", CutGrade, "Cut grade; usually null for shapes other than round.")
    polish: CutGrade | None = _grade("polish", CutGrade, "Polish grade.")
    symmetry: CutGrade | None = _grade("symmetry", CutGrade, "Symmetry grade.")
    fluorescence: Fluorescence | None = _grade("fluorescence", Fluorescence, "Strength of fluorescence.")
    fluorescence_color: str | None = _column("fluorescence_color", "Colour of fluorescence, such as `BLUE`.")
    reported_grades: ReportedGrades = _from(
        "raw_shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "raw_availability",
        of=_reported_grades,
        description="Grades as text, including those outside the enums.",
    )  # fmt: skip
    fancy_color: FancyColor | None = _from(
        "fancy_color", "fancy_intensity", "fancy_overtone",
        of=_fancy,
        description="Fancy colour; null for white diamonds.",
    )  # fmt: skip
    lab_grown: bool = _column("lab_grown", "Whether the diamond is lab-grown.")
    treated: bool | None = _column("treated", "Whether the diamond is treated; null if unknown.")
    eye_clean: bool | None = _column("eye_clean", "Whether inclusions are invisible to the naked eye.")
    brown_tinge: bool | None = _column("brown_tinge", "Whether it has a brown tinge.")
    green_tinge: bool | None = _column("green_tinge", "Whether it has a green tinge.")
    milky: bool | None = _column("milky", "Whether it is milky.")
    measurements: Measurements = _from(
        "length_milli", "width_milli", "height_milli", "ratio_milli", "table_milli", "depth_milli", "measurements",
        of=_measurements,
        description="Size and proportions.",
    )  # fmt: skip
    certificate: Certificate | None = _from(
        "certificate_lab",
        "certificate_number",
        "certificate_pdf_url",
        of=_certificate,
        description="Certificate of the laboratory.",
    )
    image_url: str | None = _column("image_url", "URL of an image.")
    video_url: str | None = _column("video_url", "URL of a video, usually a 360-degree view.")
    price: Money = _from(
        "retail_price_cents", of=lambda row: money(row.retail_price_cents), description="Retail price."
    )
    price_per_carat: Money = _from(
        "retail_price_cents", "carat_milli",
        of=lambda row: money(row.retail_per_carat_cents),
        description="Retail price per carat, rounded half up to the cent.",
    )  # fmt: skip
    supplier_price: Money | None = _from(
        "supplier_price_cents",
        of=lambda row: money(row.supplier_price_cents),
        description="Price of the supplier. Null with a FORBIDDEN error without the scope.",
        scope=Scope.PRICES_SUPPLIER,
    )
    supplier_price_per_carat: Money | None = _from(
        "price_per_carat_cents",
        of=lambda row: money(row.price_per_carat_cents),
        description="Price of the supplier per carat. Null with a FORBIDDEN error without the scope.",
        scope=Scope.PRICES_SUPPLIER,
    )
    markup_ratio: float | None = _from(
        "markup_ratio",
        of=lambda row: float(row.markup_ratio),
        description="Retail price divided by the supplier price. Null with a FORBIDDEN error without the scope.",
        scope=Scope.PRICES_SUPPLIER,
    )
    rating: int | None = _column("rating", "Rating by the pricing rules, from 1 to 10 (best).")
    availability: Availability = _from(
        "availability", of=lambda row: Availability(row.availability), description="Availability."
    )
    hold: DiamondHold | None = strawberry.field(
        resolver=_hold_of_reference,
        description="Current hold; null if none.",
        metadata={_SOURCE: FieldSource(frozenset({"open_hold"}), None), READ: Read("row", function=_hold)},
    )
    attributes: JSON = _from(
        "attributes",
        of=lambda row: msgspec.json.decode(row.attributes),
        description="Further attributes with the names of the supplier. They may change without notice.",
    )
    source_updated_at: datetime = _column("source_updated_at", "Time of the last change of the supplier data.")
    created_at: datetime = _column("created_at", "Time when the diamond entered the inventory.")
    updated_at: datetime = _column("updated_at", "Time of the last change.")


def _sources() -> Mapping[str, FieldSource]:
    names = NameConverter()
    fields = Diamond.__strawberry_definition__.fields  # type: ignore[attr-defined]  # added by the decorator
    return {names.get_graphql_name(field): field.metadata[_SOURCE] for field in fields}


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
