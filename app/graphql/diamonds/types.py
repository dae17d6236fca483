"""The type Diamond: a table of fields, each saying which columns it reads and what it makes of them.

Resolvers are made from the table; so is the list of columns that a query needs, and so can be whatever else turns rows
into answers.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import strawberry
from strawberry.scalars import JSON
from strawberry.schema.name_converter import NameConverter

from app.auth.scopes import Scope
from app.graphql.context import Info, Selection
from app.graphql.diamonds.grades import Availability, ClarityGrade, ColorGrade, CutGrade, Fluorescence, Shape, graded
from app.graphql.money import Money, money
from app.graphql.permissions import RequireScope, field
from app.graphql.relay import Node, global_id
from inventory.catalog.diamond import Diamond as Row

_SOURCE = "source"


class FieldSource(msgspec.Struct, frozen=True):
    """Where a field comes from."""

    columns: frozenset[str]
    value: Callable[[Row], Any]
    scope: Scope | None


def _from(*columns: str, of: Callable[[Row], Any], description: str, scope: Scope | None = None) -> Any:
    """A field that `of` makes from `columns`."""

    def resolve(self: "Diamond") -> Any:
        return of(self.row)

    # The type is the one that the class annotates.
    del resolve.__annotations__["return"], resolve.__annotations__["self"]
    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata={_SOURCE: FieldSource(frozenset(columns), of, scope)},
        extensions=[RequireScope(scope)] if scope else [],
    )


def _column(name: str, description: str) -> Any:
    """A field that is a column as it stands."""
    return _from(name, of=lambda row: getattr(row, name), description=description)


@strawberry.type(description="The grades in the words of the certificate or the supplier, known to the enums or not.")
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


@strawberry.type(description="A fancy colour, in the certificate's words.")
class FancyColor:
    color: str | None = strawberry.field(description="The colour, such as `PINK`.")
    intensity: str | None = strawberry.field(description="How strong it is, such as `INTENSE`.")
    overtone: str | None = strawberry.field(description="What it leans to, such as `PURPLISH`.")


def _fancy(row: Row) -> FancyColor | None:
    if (row.fancy_color, row.fancy_intensity, row.fancy_overtone) == (None, None, None):
        return None
    return FancyColor(color=row.fancy_color, intensity=row.fancy_intensity, overtone=row.fancy_overtone)


_HIDDEN = "null if the supplier asks not to show it and the caller lacks the scope `certificates:hidden`"


@strawberry.type(description="The report of a gemmological laboratory.")
class Certificate:
    lab: str | None = strawberry.field(description="The laboratory, such as `GIA`.")
    number: str | None = strawberry.field(description=f"The report's number; {_HIDDEN}.")
    pdf_url: str | None = strawberry.field(description=f"Where the report can be read; {_HIDDEN}.")


def _certificate(row: Row) -> Certificate | None:
    if (row.certificate_lab, row.certificate_number, row.certificate_pdf_url) == (None, None, None):
        return None
    return Certificate(lab=row.certificate_lab, number=row.certificate_number, pdf_url=row.certificate_pdf_url)


@strawberry.type(
    description="The size and the proportions of a diamond. All of them are empty if the supplier asks not to show them and "
    "the caller lacks the scope `certificates:hidden`."
)
class Measurements:
    length_mm: float | None = strawberry.field(description="Length in millimetres.")
    width_mm: float | None = strawberry.field(description="Width in millimetres.")
    height_mm: float | None = strawberry.field(description="Height in millimetres.")
    ratio: float | None = strawberry.field(
        description="The longer side by the shorter one; hearts and triangles: length by width."
    )
    table_percent: float | None = strawberry.field(description="Width of the table by width of the stone, percent.")
    depth_percent: float | None = strawberry.field(description="Height by width, percent.")
    details: JSON = strawberry.field(
        description="All that the certificate states, as it states it: crown, pavilion, girdle, culet ..."
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


@strawberry.type(description="The hold that keeps a diamond from others now.")
class DiamondHold:
    row: strawberry.Private[Mapping[str, Any]]

    until: datetime = strawberry.field(description="When it ends. While it is still being asked for: at the latest.")

    @field(description="Its global id, for the client whose hold it is; null for others.")
    def own_id(self, info: Info) -> strawberry.ID | None:
        return global_id("Hold", UUID(self.row["id"])) if self._own(info) else None

    @field(description="The price that it guarantees, for the client whose hold it is; null for others.")
    def price(self, info: Info) -> Money | None:
        return money(self.row["price_cents"]) if self._own(info) else None

    def _own(self, info: Info) -> bool:
        client_id: str = self.row["client_id"]
        return client_id == info.context.caller.client_id


def _hold(row: Row) -> DiamondHold | None:
    held = row.open_hold
    if held is None:
        return None
    until = held["wanted_until" if held["state"] == "requested" else "expires_at"]
    return DiamondHold(row=held, until=datetime.fromisoformat(until))


@strawberry.type(description="A diamond of the inventory.")
class Diamond(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = _from("id", of=lambda row: global_id("Diamond", row.id), description="The global id, opaque.")
    database_id: UUID = _column("id", "The id by which REST knows the same diamond.")
    supplier: str = _column("supplier", "The supplier's code, such as `nivoda`.")
    supplier_stone_id: str = _column("supplier_stone_id", "The supplier's id of the stone.")
    supplier_name: str | None = _column("supplier_name", "Who offers the stone through the supplier.")
    shape: Shape = _from("shape", of=lambda row: graded(Shape, row.shape), description="The shape.")
    carat: float = _from(
        "carat_milli", of=lambda row: row.carat_milli / 1000, description="The weight in carats, such as 1.01."
    )
    color: ColorGrade | None = _from(
        "color", of=lambda row: graded(ColorGrade, row.color), description="The colour grade; null for fancy colours."
    )
    clarity: ClarityGrade | None = _from(
        "clarity", of=lambda row: graded(ClarityGrade, row.clarity), description="The clarity grade."
    )
    cut: CutGrade | None = _from(
        "cut",
        of=lambda row: graded(CutGrade, row.cut),
        description="The cut grade; mostly null for other shapes than round.",
    )
    polish: CutGrade | None = _from(
        "polish", of=lambda row: graded(CutGrade, row.polish), description="The polish grade."
    )
    symmetry: CutGrade | None = _from(
        "symmetry", of=lambda row: graded(CutGrade, row.symmetry), description="The symmetry grade."
    )
    fluorescence: Fluorescence | None = _from(
        "fluorescence",
        of=lambda row: graded(Fluorescence, row.fluorescence),
        description="The fluorescence's strength.",
    )
    fluorescence_color: str | None = _column("fluorescence_color", "The fluorescence's colour, such as `BLUE`.")
    reported_grades: ReportedGrades = _from(
        "raw_shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "raw_availability",
        of=_reported_grades,
        description="The grades as text, for those that the enums do not know.",
    )  # fmt: skip
    fancy_color: FancyColor | None = _from(
        "fancy_color", "fancy_intensity", "fancy_overtone",
        of=_fancy,
        description="The fancy colour; null for white diamonds.",
    )  # fmt: skip
    lab_grown: bool = _column("lab_grown", "Whether it was grown in a laboratory.")
    treated: bool | None = _column("treated", "Whether it was treated; null where that is not known.")
    eye_clean: bool | None = _column("eye_clean", "Whether no inclusion is seen by the naked eye.")
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
        description="The laboratory's report.",
    )
    image_url: str | None = _column("image_url", "A picture.")
    video_url: str | None = _column("video_url", "A video, usually a turning view.")
    price: Money = _from(
        "retail_price_cents", of=lambda row: money(row.retail_price_cents), description="What a customer pays."
    )
    price_per_carat: Money = _from(
        "retail_price_cents", "carat_milli",
        of=lambda row: money(row.retail_per_carat_cents),
        description="What a customer pays, by weight; rounded half up to the cent.",
    )  # fmt: skip
    supplier_price: Money | None = _from(
        "supplier_price_cents",
        of=lambda row: money(row.supplier_price_cents),
        description="What the supplier asks. Null with a FORBIDDEN error for others.",
        scope=Scope.PRICES_SUPPLIER,
    )
    supplier_price_per_carat: Money | None = _from(
        "price_per_carat_cents",
        of=lambda row: money(row.price_per_carat_cents),
        description="What the supplier asks, by weight. Null with a FORBIDDEN error for others.",
        scope=Scope.PRICES_SUPPLIER,
    )
    markup_ratio: float | None = _from(
        "markup_ratio",
        of=lambda row: float(row.markup_ratio),
        description="The retail price by the supplier's price. Null with a FORBIDDEN error for others.",
        scope=Scope.PRICES_SUPPLIER,
    )
    rating: int | None = _column("rating", "Our rating, from the pricing rules: 1 to 10, 10 the best.")
    availability: Availability = _from(
        "availability", of=lambda row: Availability(row.availability), description="Whether it can be had."
    )
    hold: DiamondHold | None = _from(
        "open_hold", of=_hold, description="The hold that keeps it from others; null for none."
    )
    attributes: JSON = _from(
        "attributes",
        of=lambda row: msgspec.json.decode(row.attributes),
        description="What else is known, as the supplier names it. Nothing here is promised.",
    )
    source_updated_at: datetime = _column("source_updated_at", "When the supplier's data last changed here.")
    created_at: datetime = _column("created_at", "When the diamond came into the inventory.")
    updated_at: datetime = _column("updated_at", "When anything about it last changed.")


def _sources() -> Mapping[str, FieldSource]:
    names = NameConverter()
    fields = Diamond.__strawberry_definition__.fields  # type: ignore[attr-defined]  # added by the decorator
    return {names.get_graphql_name(field): field.metadata[_SOURCE] for field in fields}


SOURCES: Mapping[str, FieldSource] = _sources()


def columns_of(*selections: Selection) -> frozenset[str]:
    """The columns that a selection of Diamond's fields needs."""
    return frozenset(column for name in _names(selections) if name in SOURCES for column in SOURCES[name].columns)


def _names(selections: Iterable[Selection]) -> Iterable[str]:
    return (name for selection in selections for name in selection)


async def find_diamonds(keys: Collection[UUID], info: Info) -> Mapping[UUID, Diamond]:
    """The diamonds with these ids that are in the inventory, with the columns that were asked for."""
    found = await info.context.search.find(keys, columns_of(info.selection))
    return {key: Diamond(row=row) for key, row in found.items()}
