"""GraphQL types of facets."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

import strawberry

from app.graphql.context import Selection
from app.graphql.diamonds.grades import (
    Availability,
    ClarityGrade,
    ColorGrade,
    CutGrade,
    Fluorescence,
    GrowthMethod,
    Shape,
    graded,
)
from app.graphql.money import Money, money
from app.graphql.scalars import Cents
from inventory.catalog import grades
from inventory.catalog.facets import Bucket, Facets, Histogram

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_COUNT = "Number of diamonds."
_MAX_TEXTS = 100
_FREQUENT = f"most frequent first; at most {_MAX_TEXTS}"


@strawberry.type(description="Number of diamonds of a shape.")
class ShapeCount:
    value: Shape = strawberry.field(description="The shape.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of diamonds with a colour grade.")
class ColorCount:
    value: ColorGrade | None = strawberry.field(description="The grade; null for diamonds without a grade.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of diamonds with a clarity grade.")
class ClarityCount:
    value: ClarityGrade | None = strawberry.field(description="The grade; null for diamonds without a grade.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of diamonds with a cut grade.")
class CutCount:
    value: CutGrade | None = strawberry.field(description="The grade; null for diamonds without a grade.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of lab-grown or natural diamonds.")
class LabGrownCount:
    value: bool = strawberry.field(description="Whether the diamonds are lab-grown.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of diamonds with a strength of fluorescence.")
class FluorescenceCount:
    value: Fluorescence | None = strawberry.field(description="The strength; null for diamonds without one.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of diamonds with a text, such as the name of a colour.")
class TextCount:
    value: str | None = strawberry.field(description="The text; null for diamonds without one.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of lab-grown diamonds by how they were made.")
class GrowthMethodCount:
    value: GrowthMethod | None = strawberry.field(description="The method; null for natural diamonds or if not stated.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of diamonds with an availability.")
class AvailabilityCount:
    value: Availability = strawberry.field(description="The availability.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="A range of retail prices in cents. `min` and `max` are a range of the filter.")
class PriceBucket:
    min: Cents | None = strawberry.field(description="Lowest price, inclusive; null is open.")
    max: Cents | None = strawberry.field(description="Highest price, inclusive; null is open.")
    count: int = strawberry.field(description="Number of diamonds in the range.")


@strawberry.type(description="A range of weights or proportions. `min` and `max` are a range of the filter.")
class SizeBucket:
    min: float | None = strawberry.field(description="Lowest value, inclusive; null is open.")
    max: float | None = strawberry.field(description="Highest value, inclusive; null is open.")
    count: int = strawberry.field(description="Number of diamonds in the range.")


@strawberry.type(description="A range of business days. `min` and `max` are a range of the filter.")
class DaysBucket:
    min: int | None = strawberry.field(description="Fewest days, inclusive; null is open.")
    max: int | None = strawberry.field(description="Most days, inclusive; null is open.")
    count: int = strawberry.field(description="Number of diamonds in the range.")


@strawberry.type(description="Quantiles of the retail price. Each value is the price of a matching diamond.")
class PriceQuantiles:
    min: Money = strawberry.field(description="The lowest price.")
    p5: Money = strawberry.field(description="5 percent.")
    p25: Money = strawberry.field(description="25 percent.")
    median: Money = strawberry.field(description="50 percent.")
    p75: Money = strawberry.field(description="75 percent.")
    p95: Money = strawberry.field(description="95 percent.")
    max: Money = strawberry.field(description="The highest price.")


@strawberry.type(description="Quantiles of a weight or proportion. Each value is the value of a matching diamond.")
class SizeQuantiles:
    min: float = strawberry.field(description="The lowest value.")
    p5: float = strawberry.field(description="5 percent.")
    p25: float = strawberry.field(description="25 percent.")
    median: float = strawberry.field(description="50 percent.")
    p75: float = strawberry.field(description="75 percent.")
    p95: float = strawberry.field(description="95 percent.")
    max: float = strawberry.field(description="The highest value.")


_BUCKETS = "Adjacent ranges from the first to the last one with a diamond. The edges are the same for every search, unless given."


@strawberry.type(description="Distribution of retail prices.")
class PriceHistogram:
    buckets: list[PriceBucket] = strawberry.field(description=_BUCKETS)
    quantiles: PriceQuantiles | None = strawberry.field(description="Null if nothing matches.")


@strawberry.type(description="Distribution of weights or proportions. Diamonds without the value are not counted.")
class SizeHistogram:
    buckets: list[SizeBucket] = strawberry.field(description=_BUCKETS)
    quantiles: SizeQuantiles | None = strawberry.field(description="Null if nothing matches.")


@strawberry.type(description="Distribution of delivery times. Diamonds without the value are not counted.")
class DaysHistogram:
    buckets: list[DaysBucket] = strawberry.field(description=_BUCKETS)


@strawberry.type(
    description="Facets of a search, with the names of the filter's fields. A value or bucket can be passed to the filter. "
    "Values without diamonds are omitted. Each facet is computed only if selected."
)
class DiamondFacets:
    shapes: list[ShapeCount] = strawberry.field(description="Shapes.")
    colors: list[ColorCount] = strawberry.field(description="Colour grades, best first.")
    clarities: list[ClarityCount] = strawberry.field(description="Clarity grades, best first.")
    cuts: list[CutCount] = strawberry.field(description="Cut grades, best first.")
    polishes: list[CutCount] = strawberry.field(description="Polish grades, best first.")
    symmetries: list[CutCount] = strawberry.field(description="Symmetry grades, best first.")
    fluorescences: list[FluorescenceCount] = strawberry.field(description="Strengths of fluorescence, weakest first.")
    fluorescence_colors: list[TextCount] = strawberry.field(description=f"Colours of fluorescence, {_FREQUENT}.")
    fancy_colors: list[TextCount] = strawberry.field(description=f"Fancy colours, {_FREQUENT}.")
    fancy_intensities: list[TextCount] = strawberry.field(description=f"Intensities of fancy colour, {_FREQUENT}.")
    certificate_labs: list[TextCount] = strawberry.field(description=f"Laboratories, {_FREQUENT}.")
    lab_grown: list[LabGrownCount] = strawberry.field(description="Origin: lab-grown or natural.")
    growth_methods: list[GrowthMethodCount] = strawberry.field(description="How lab-grown diamonds were made.")
    availability: list[AvailabilityCount] = strawberry.field(description="Availability.")
    price: PriceHistogram = strawberry.field(description="Retail prices.")
    carat: SizeHistogram = strawberry.field(description="Weights.")
    ratio: SizeHistogram = strawberry.field(description="Ratios, without hidden measurements.")
    table_percent: SizeHistogram = strawberry.field(description="Tables, without hidden measurements.")
    depth_percent: SizeHistogram = strawberry.field(description="Depths, without hidden measurements.")
    delivery_days: DaysHistogram = strawberry.field(description="Delivery times: most business days.")


_NAMES: Mapping[str, str] = {
    "shapes": "shape",
    "colors": "color",
    "clarities": "clarity",
    "cuts": "cut",
    "polishes": "polish",
    "symmetries": "symmetry",
    "fluorescences": "fluorescence",
    "fluorescenceColors": "fluorescence_color",
    "fancyColors": "fancy_color",
    "fancyIntensities": "fancy_intensity",
    "certificateLabs": "certificate_lab",
    "labGrown": "lab_grown",
    "growthMethods": "growth_method",
    "availability": "availability",
    "price": "retail_price_cents",
    "carat": "carat_milli",
    "ratio": "ratio_milli",
    "tablePercent": "table_milli",
    "depthPercent": "depth_milli",
    "deliveryDays": "delivery_max_days",
}


def selected_facets(selection: Selection) -> list[str]:
    """Return the catalog names of the selected facets."""
    return [name for field, name in _NAMES.items() if field in selection]


def facets_to_graphql(facets: Facets) -> DiamondFacets:
    """Convert facets. A facet that was not selected is empty."""
    counts = facets.counts

    def graded_counts(name: str, scale: type[E], listed: Sequence[str]) -> Sequence[tuple[E | None, int]]:
        return _graded(counts.get(name, {}), scale, listed)

    def histogram(name: str) -> Histogram:
        return facets.histograms.get(name, Histogram())

    return DiamondFacets(
        shapes=[
            ShapeCount(value=value or Shape.OTHER, count=count)
            for value, count in graded_counts("shape", Shape, grades.SHAPES)
        ],
        colors=[
            ColorCount(value=value, count=count) for value, count in graded_counts("color", ColorGrade, grades.COLORS)
        ],
        clarities=[
            ClarityCount(value=value, count=count)
            for value, count in graded_counts("clarity", ClarityGrade, grades.CLARITIES)
        ],
        cuts=[CutCount(value=value, count=count) for value, count in graded_counts("cut", CutGrade, grades.CUTS)],
        polishes=[
            CutCount(value=value, count=count) for value, count in graded_counts("polish", CutGrade, grades.FINISHES)
        ],
        symmetries=[
            CutCount(value=value, count=count) for value, count in graded_counts("symmetry", CutGrade, grades.FINISHES)
        ],
        fluorescences=[
            FluorescenceCount(value=value, count=count)
            for value, count in graded_counts("fluorescence", Fluorescence, grades.FLUORESCENCES)
        ],
        fluorescence_colors=_texts(counts.get("fluorescence_color", {})),
        fancy_colors=_texts(counts.get("fancy_color", {})),
        fancy_intensities=_texts(counts.get("fancy_intensity", {})),
        certificate_labs=_texts(counts.get("certificate_lab", {})),
        lab_grown=[
            LabGrownCount(value=text == "true", count=count)
            for text, count in sorted(counts.get("lab_grown", {}).items(), key=lambda item: str(item[0]))
        ],
        growth_methods=[
            GrowthMethodCount(value=None if one.value is None else GrowthMethod(one.value), count=one.count)
            for one in _texts(counts.get("growth_method", {}))
        ],
        availability=[
            AvailabilityCount(value=Availability(text), count=found)
            for text in grades.AVAILABILITIES
            if (found := counts.get("availability", {}).get(text))
        ],
        price=_prices(histogram("retail_price_cents")),
        carat=_sizes(histogram("carat_milli")),
        ratio=_sizes(histogram("ratio_milli")),
        table_percent=_sizes(histogram("table_milli")),
        depth_percent=_sizes(histogram("depth_milli")),
        delivery_days=DaysHistogram(
            buckets=[
                DaysBucket(min=bucket.min, max=bucket.max, count=bucket.count)
                for bucket in histogram("delivery_max_days").buckets
            ]
        ),
    )


def _texts(counts: Mapping[str | None, int]) -> list[TextCount]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    return [TextCount(value=value, count=count) for value, count in ordered[:_MAX_TEXTS]]


def _graded(counts: Mapping[str | None, int], scale: type[E], listed: Sequence[str]) -> Sequence[tuple[E | None, int]]:
    """Sort by the scale; then all grades outside it together, and last diamonds without a grade."""
    totals: dict[E | None, int] = {}
    order = {text: place for place, text in enumerate(listed)}
    for text, count in sorted(counts.items(), key=lambda item: (item[0] is None, order.get(item[0] or "", len(order)))):
        value = graded(scale, text)
        totals[value] = totals.get(value, 0) + count
    return list(totals.items())


def _prices(histogram: Histogram) -> PriceHistogram:
    return PriceHistogram(
        buckets=[PriceBucket(**_ends(bucket, Cents), count=bucket.count) for bucket in histogram.buckets],
        quantiles=PriceQuantiles(**_quantiles(histogram, money)) if histogram.quantiles else None,
    )


def _sizes(histogram: Histogram) -> SizeHistogram:
    return SizeHistogram(
        buckets=[SizeBucket(**_ends(bucket, _thousandths), count=bucket.count) for bucket in histogram.buckets],
        quantiles=SizeQuantiles(**_quantiles(histogram, _thousandths)) if histogram.quantiles else None,
    )


def _thousandths(milli: int) -> float:
    return milli / 1000


def _ends(bucket: Bucket, show: Callable[[int], Any]) -> dict[str, Any]:
    return {name: None if end is None else show(end) for name, end in (("min", bucket.min), ("max", bucket.max))}


def _quantiles(histogram: Histogram, show: Callable[[int], Any]) -> dict[str, Any]:
    names = ("min", "p5", "p25", "median", "p75", "p95", "max")
    return {name: show(value) for name, value in zip(names, histogram.quantiles, strict=True)}
