"""Comparison of diamonds: one row for each property, with its values as text."""

from collections.abc import Callable, Mapping, Sequence

import strawberry

from inventory.catalog.diamond import Diamond as Row


@strawberry.type(description="A property of compared diamonds.")
class ComparisonRow:
    name: str = strawberry.field(description="Name of the property, as the field of Diamond or Measurements.")
    values: list[str | None] = strawberry.field(
        description="The values as text, in the order of the diamonds; null where it is not stated."
    )
    differs: bool = strawberry.field(description="Whether the stated values differ.")
    incomplete: bool = strawberry.field(description="Whether it is not stated for at least one of the diamonds.")


def _column(name: str) -> Callable[[Row], str | None]:
    def read(row: Row) -> str | None:
        value = getattr(row, name)
        return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    return read


def _thousandths(name: str) -> Callable[[Row], str | None]:
    def read(row: Row) -> str | None:
        value = getattr(row, name)
        return None if value is None else f"{value / 1000:g}"

    return read


def _cents(row: Row) -> str:
    return f"{row.retail_price_cents // 100}.{row.retail_price_cents % 100:02d}"


_READERS: Mapping[str, tuple[str, Callable[[Row], str | None]]] = {
    "price": ("retail_price_cents", _cents),
    "shape": ("shape", _column("shape")),
    "carat": ("carat_milli", _thousandths("carat_milli")),
    **{name: (name, _column(name)) for name in ("color", "clarity", "cut", "polish", "symmetry", "fluorescence")},
    "fluorescenceColor": ("fluorescence_color", _column("fluorescence_color")),
    "fancyColor": ("fancy_color", _column("fancy_color")),
    "fancyIntensity": ("fancy_intensity", _column("fancy_intensity")),
    "labGrown": ("lab_grown", _column("lab_grown")),
    "growthMethod": ("growth_method", _column("growth_method")),
    "treated": ("treated", _column("treated")),
    "eyeClean": ("eye_clean", _column("eye_clean")),
    "brownTinge": ("brown_tinge", _column("brown_tinge")),
    "greenTinge": ("green_tinge", _column("green_tinge")),
    "milky": ("milky", _column("milky")),
    "lengthMm": ("length_milli", _thousandths("length_milli")),
    "widthMm": ("width_milli", _thousandths("width_milli")),
    "heightMm": ("height_milli", _thousandths("height_milli")),
    "ratio": ("ratio_milli", _thousandths("ratio_milli")),
    "tablePercent": ("table_milli", _thousandths("table_milli")),
    "depthPercent": ("depth_milli", _thousandths("depth_milli")),
    "certificateLab": ("certificate_lab", _column("certificate_lab")),
    "deliveryDays": ("delivery_max_days", _column("delivery_max_days")),
    "returnWindowDays": ("return_days", _column("return_days")),
    "availability": ("availability", _column("availability")),
}
COMPARED = frozenset(column for column, _ in _READERS.values())


def compare(diamonds: Sequence[Row]) -> list[ComparisonRow]:
    """The rows of properties that at least one of the diamonds states."""
    rows = []
    for name, (_, read) in _READERS.items():
        values = [read(diamond) for diamond in diamonds]
        stated = [value for value in values if value is not None]
        if stated:
            rows.append(
                ComparisonRow(
                    name=name,
                    values=values,
                    differs=len(set(stated)) > 1,
                    incomplete=len(stated) < len(values),
                )
            )
    return rows
