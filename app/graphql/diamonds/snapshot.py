"""GraphQL type of a diamond as it was purchased. Its fields are those of Diamond that do not change with the inventory."""

import msgspec
import strawberry
from strawberry.scalars import JSON

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
from app.graphql.diamonds.fields import column, computed, grade
from app.graphql.diamonds.grades import ClarityGrade, ColorGrade, CutGrade, Fluorescence, GrowthMethod, Origin, Shape
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
from inventory.catalog.diamond import Diamond as Row


def _reported_grades(row: Row) -> ReportedGrades:
    """Grades as text. The availability of then is not part of a snapshot."""
    return reported_grades_of(msgspec.structs.replace(row, raw_availability=None))


@strawberry.type(description="A diamond as it was purchased: its grades, documents, media and terms of service.")
class DiamondSnapshot:
    row: strawberry.Private[Row]

    supplier: str = column("supplier", "Code of the supplier, such as `nivoda`.")
    supplier_stone_id: str = column("supplier_stone_id", "Id at the supplier.")
    supplier_name: str | None = column("supplier_name", "Company that offers the diamond through the supplier.")
    stock_number: str | None = column("stock_number", "Stock number of the supplier platform.")
    supplier_stock_number: str | None = column("supplier_stock_number", "Stock number of the company.")
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
        "raw_shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence",
        of=_reported_grades,
        description="Grades as text, including those outside the enums.",
    )  # fmt: skip
    fancy_color: FancyColor | None = computed(
        "fancy_color", "fancy_intensity", "fancy_overtone",
        of=fancy_of,
        description="Fancy colour; null for white diamonds.",
    )  # fmt: skip
    origin: Origin = computed("lab_grown", of=origin_of, description="Whether it is natural or lab-grown.")
    lab_grown: bool = column("lab_grown", "Whether the diamond is lab-grown.")
    growth_method: GrowthMethod | None = computed(
        "growth_method",
        of=growth_method_of,
        description="How a lab-grown diamond was made; null if natural or not stated.",
    )
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
    key_to_symbols: list[str] | None = computed(
        "attributes", of=key_to_symbols_of, description="Inclusions that the certificate lists; null if it lists none."
    )
    delivery_time: DeliveryTime | None = computed(
        "delivery_min_days", "delivery_max_days", "attributes",
        of=delivery_time_of,
        description="Delivery time; null if the supplier does not state it.",
    )  # fmt: skip
    return_window_days: int | None = column(
        "return_days", "Days within which the supplier takes the diamond back; 0 if it does not, null if not stated."
    )
    attributes: JSON = computed(
        "attributes",
        of=lambda row: msgspec.json.decode(row.attributes),
        description="Further attributes with the names of the supplier. They may change without notice.",
    )
