"""Input types of the filter."""

from datetime import datetime
from typing import TypeVar

import strawberry
from strawberry import UNSET

from app.graphql.arguments import CentsRange, FloatRange, IntRange
from app.graphql.diamonds.grades import (
    Availability,
    ClarityGrade,
    ColorGrade,
    CutGrade,
    Fluorescence,
    GrowthMethod,
    Shape,
)

T = TypeVar("T")


def _criterion(description: str, name: str | None = None) -> T:  # type: ignore[type-var]  # whatever the field is
    return strawberry.field(default=UNSET, description=description, name=name)  # type: ignore[no-any-return]


@strawberry.input(description="Range of colour grades, both ends inclusive. An omitted end is open.")
class ColorRange:
    from_: ColorGrade | None = _criterion("Best grade.", "from")
    to: ColorGrade | None = _criterion("Lowest grade.")


@strawberry.input(description="Range of clarity grades, both ends inclusive. An omitted end is open.")
class ClarityRange:
    from_: ClarityGrade | None = _criterion("Best grade.", "from")
    to: ClarityGrade | None = _criterion("Lowest grade.")


@strawberry.input(
    description="Range of grades of cut, polish or symmetry, both ends inclusive. An omitted end is open."
)
class CutRange:
    from_: CutGrade | None = _criterion("Best grade.", "from")
    to: CutGrade | None = _criterion("Lowest grade.")


@strawberry.input(description="Range of strengths of fluorescence, both ends inclusive. An omitted end is open.")
class FluorescenceRange:
    from_: Fluorescence | None = _criterion("Weakest.", "from")
    to: Fluorescence | None = _criterion("Strongest.")


@strawberry.input(
    description="Diamonds to leave out: those that match one of the criteria. A diamond without a value does not match."
)
class DiamondExclusion:
    ids: list[strawberry.ID] | None = _criterion("Global ids, or ids in REST.")
    shapes: list[Shape] | None = _criterion("Shapes.")
    colors: list[ColorGrade] | None = _criterion("Colour grades.")
    clarities: list[ClarityGrade] | None = _criterion("Clarity grades.")
    cuts: list[CutGrade] | None = _criterion("Cut grades.")
    fluorescences: list[Fluorescence] | None = _criterion("Strengths of fluorescence.")
    certificate_labs: list[str] | None = _criterion("Laboratories of the certificate.")
    suppliers: list[str] | None = _criterion("Codes of suppliers.")
    growth_methods: list[GrowthMethod] | None = _criterion("How lab-grown diamonds were made.")
    treated: bool | None = _criterion("Treated (true) or stated as untreated (false).")
    brown_tinge: bool | None = _criterion("Stated with (true) or without (false) a brown tinge.")
    green_tinge: bool | None = _criterion("Stated with (true) or without (false) a green tinge.")
    milky: bool | None = _criterion("Stated as milky (true) or not (false).")


@strawberry.input(
    description="Search criteria. All must match. A list matches any of its values; an empty list matches nothing. "
    "A diamond without a value does not match a criterion on that value."
)
class DiamondFilter:
    ids: list[strawberry.ID] | None = _criterion("Global ids, or ids in REST.")
    shapes: list[Shape] | None = _criterion("Shapes.")
    carat: FloatRange | None = _criterion("Weight in carats.")
    price: CentsRange | None = _criterion("Retail price.")
    price_per_carat: CentsRange | None = _criterion("Retail price per carat.")
    supplier_price: CentsRange | None = _criterion("Price of the supplier. Needs the scope `prices:supplier`.")
    colors: list[ColorGrade] | None = _criterion("Colour grades.")
    color: ColorRange | None = _criterion("Range of colour grades.")
    clarities: list[ClarityGrade] | None = _criterion("Clarity grades.")
    clarity: ClarityRange | None = _criterion("Range of clarity grades.")
    cuts: list[CutGrade] | None = _criterion("Cut grades.")
    cut: CutRange | None = _criterion("Range of cut grades.")
    polishes: list[CutGrade] | None = _criterion("Polish grades.")
    polish: CutRange | None = _criterion("Range of polish grades.")
    symmetries: list[CutGrade] | None = _criterion("Symmetry grades.")
    symmetry: CutRange | None = _criterion("Range of symmetry grades.")
    fluorescences: list[Fluorescence] | None = _criterion("Strengths of fluorescence.")
    fluorescence: FluorescenceRange | None = _criterion("Range of strengths of fluorescence.")
    fluorescence_colors: list[str] | None = _criterion("Colours of fluorescence, such as `BLUE`.")
    fancy_colors: list[str] | None = _criterion("Fancy colours, in any spelling of the supplier data.")
    fancy_intensities: list[str] | None = _criterion("Intensities of fancy colour, in any spelling.")
    fancy_overtones: list[str] | None = _criterion("Overtones of fancy colour, in any spelling.")
    lab_grown: bool | None = _criterion("Lab-grown (true) or natural (false).")
    growth_methods: list[GrowthMethod] | None = _criterion("How lab-grown diamonds were made.")
    treated: bool | None = _criterion("Treated (true) or stated as untreated (false).")
    certificate_labs: list[str] | None = _criterion("Laboratories of the certificate.")
    certificate_numbers: list[str] | None = _criterion("Certificate numbers that the caller may see.")
    stock_numbers: list[str] | None = _criterion(
        "Stock numbers of the supplier platform or the company. Diamonds whose certificate is hidden do not match."
    )
    search: str | None = _criterion(
        "Beginning of a certificate number or stock number, at least 3 characters. Diamonds whose certificate is hidden do not "
        "match."
    )
    length_mm: FloatRange | None = _criterion("Length in millimetres.")
    width_mm: FloatRange | None = _criterion("Width in millimetres.")
    height_mm: FloatRange | None = _criterion("Height in millimetres.")
    ratio: FloatRange | None = _criterion(
        "Ratio: longer side divided by the shorter one; for hearts and triangles length divided by width."
    )
    table_percent: FloatRange | None = _criterion("Table in percent.")
    depth_percent: FloatRange | None = _criterion("Depth in percent.")
    eye_clean: bool | None = _criterion("Stated as eye-clean (true) or not (false).")
    brown_tinge: bool | None = _criterion("Stated with (true) or without (false) a brown tinge.")
    green_tinge: bool | None = _criterion("Stated with (true) or without (false) a green tinge.")
    milky: bool | None = _criterion("Stated as milky (true) or not (false).")
    has_image: bool | None = _criterion("With (true) or without (false) an image.")
    has_video: bool | None = _criterion("With (true) or without (false) a video.")
    has_spin360: bool | None = _criterion("With (true) or without (false) a 360-degree view.", "hasSpin360")
    delivery_days: IntRange | None = _criterion("Business days until delivery at most, as the supplier states them.")
    returnable: bool | None = _criterion("Stated as returnable (true) or not (false).")
    availability: list[Availability] | None = _criterion(
        "Availability; AVAILABLE and ON_HOLD if omitted, every one if `ids` is given."
    )
    suppliers: list[str] | None = _criterion("Codes of suppliers.")
    rating: IntRange | None = _criterion("Rating.")
    created_since: datetime | None = _criterion("Entered the inventory at this time or later.")
    updated_since: datetime | None = _criterion("Changed at this time or later.")
    exclude: DiamondExclusion | None = _criterion("Diamonds to leave out.")
