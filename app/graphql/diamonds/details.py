"""GraphQL types of a diamond's details: reported grades, fancy colour, certificate, measurements."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import strawberry
from strawberry.scalars import JSON

from inventory.catalog.diamond import Diamond as Row


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


def reported_grades_of(row: Row) -> ReportedGrades:
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


def fancy_of(row: Row) -> FancyColor | None:
    if (row.fancy_color, row.fancy_intensity, row.fancy_overtone) == (None, None, None):
        return None
    return FancyColor(color=row.fancy_color, intensity=row.fancy_intensity, overtone=row.fancy_overtone)


_HIDDEN = "null if the supplier hides it and the caller lacks the scope `certificates:hidden`"


@strawberry.type(description="Report of a gemmological laboratory.")
class Certificate:
    lab: str | None = strawberry.field(description="Laboratory, such as `GIA`.")
    number: str | None = strawberry.field(description=f"The report's number; {_HIDDEN}.")
    pdf_url: str | None = strawberry.field(description=f"URL of the report; {_HIDDEN}.")


def certificate_of(row: Row) -> Certificate | None:
    if row.certificate_lab is None and row.certificate_number is None and row.certificate_pdf_url is None:
        return None
    return Certificate(lab=row.certificate_lab, number=row.certificate_number, pdf_url=row.certificate_pdf_url)


@strawberry.type(description="Crown: the part above the girdle.")
class Crown:
    angle_degrees: float | None = strawberry.field(description="Angle in degrees.")
    height_percent: float | None = strawberry.field(description="Height by width, percent.")


@strawberry.type(description="Pavilion: the part below the girdle.")
class Pavilion:
    angle_degrees: float | None = strawberry.field(description="Angle in degrees.")
    height_percent: float | None = strawberry.field(description="Height by width, percent.")
    depth_percent: float | None = strawberry.field(description="Depth by width, percent.")


@strawberry.type(description="Girdle: the edge between crown and pavilion.")
class Girdle:
    thickness: str | None = strawberry.field(description="Thickness as the certificate states it, such as `Medium`.")
    condition: str | None = strawberry.field(description="Condition, such as `Faceted`.")


@strawberry.type(description="Culet: the point or facet at the bottom.")
class Culet:
    size: str | None = strawberry.field(description="Size as the certificate states it, such as `None`.")
    condition: str | None = strawberry.field(description="Condition.")


P = TypeVar("P", Crown, Pavilion, Girdle, Culet)


def _part(kind: type[P], stated: Mapping[str, Any], **names: str) -> P | None:
    """A part of a diamond by the names of its measurements; None if none of them is stated."""
    values = {field: stated.get(name) for field, name in names.items()}
    return kind(**values) if any(value is not None for value in values.values()) else None


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
    crown: Crown | None = strawberry.field(description="Crown, above the girdle; null if not stated.")
    pavilion: Pavilion | None = strawberry.field(description="Pavilion, below the girdle; null if not stated.")
    girdle: Girdle | None = strawberry.field(description="Girdle; null if not stated.")
    culet: Culet | None = strawberry.field(description="Culet; null if not stated.")
    details: JSON = strawberry.field(
        description="All measurements of the certificate, unchanged: crown, pavilion, girdle, culet and others."
    )


def measurements_of(row: Row) -> Measurements:
    stated = msgspec.json.decode(row.measurements)
    return Measurements(
        length_mm=_thousandth(row.length_milli),
        width_mm=_thousandth(row.width_milli),
        height_mm=_thousandth(row.height_milli),
        ratio=_thousandth(row.ratio_milli),
        table_percent=_thousandth(row.table_milli),
        depth_percent=_thousandth(row.depth_milli),
        crown=_part(Crown, stated, angle_degrees="crownAngle", height_percent="crownHeight"),
        pavilion=_part(
            Pavilion, stated, angle_degrees="pavAngle", height_percent="pavHeight", depth_percent="pavDepth"
        ),
        girdle=_part(Girdle, stated, thickness="girdle", condition="girdleCondition"),
        culet=_part(Culet, stated, size="culetSize", condition="culetCondition"),
        details=stated,
    )


def _thousandth(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000
