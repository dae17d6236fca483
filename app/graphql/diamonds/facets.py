"""GraphQL types of facets."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

import strawberry

from app.graphql.context import Selection
from app.graphql.diamonds.grades import ClarityGrade, ColorGrade, CutGrade, Shape, graded
from app.graphql.money import Money, money
from inventory.catalog import grades
from inventory.catalog.facets import Bucket, Facets, Histogram

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_COUNT = "Number of diamonds."
_MOST_LABS = 100


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


@strawberry.type(description="Number of diamonds with a certificate of a laboratory.")
class LabCount:
    value: str | None = strawberry.field(description="The laboratory; null for diamonds without a certificate.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="Number of lab-grown or natural diamonds.")
class LabGrownCount:
    value: bool = strawberry.field(description="Whether the diamonds are lab-grown.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="A range of retail prices.")
class PriceBucket:
    min: Money | None = strawberry.field(description="Lowest price, inclusive; null is open.")
    max: Money | None = strawberry.field(description="Highest price, inclusive; null is open.")
    count: int = strawberry.field(description="Number of diamonds in the range.")


@strawberry.type(description="A range of weights in carats.")
class CaratBucket:
    min: float | None = strawberry.field(description="Lowest weight, inclusive; null is open.")
    max: float | None = strawberry.field(description="Highest weight, inclusive; null is open.")
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


@strawberry.type(description="Quantiles of the weight in carats. Each value is the weight of a matching diamond.")
class CaratQuantiles:
    min: float = strawberry.field(description="The lowest weight.")
    p5: float = strawberry.field(description="5 percent.")
    p25: float = strawberry.field(description="25 percent.")
    median: float = strawberry.field(description="50 percent.")
    p75: float = strawberry.field(description="75 percent.")
    p95: float = strawberry.field(description="95 percent.")
    max: float = strawberry.field(description="The highest weight.")


@strawberry.type(description="Distribution of retail prices.")
class PriceHistogram:
    buckets: list[PriceBucket] = strawberry.field(
        description="Adjacent ranges from the first to the last one with a diamond. The edges are the same for every search."
    )
    quantiles: PriceQuantiles | None = strawberry.field(description="Null if nothing matches.")


@strawberry.type(description="Distribution of weights in carats.")
class CaratHistogram:
    buckets: list[CaratBucket] = strawberry.field(
        description="Adjacent ranges from the first to the last one with a diamond. The edges are the same for every search."
    )
    quantiles: CaratQuantiles | None = strawberry.field(description="Null if nothing matches.")


@strawberry.type(
    description="Facets of a search. Values without diamonds are omitted. Each facet is computed only if selected."
)
class DiamondFacets:
    shapes: list[ShapeCount] = strawberry.field(description="Shapes.")
    colors: list[ColorCount] = strawberry.field(description="Colour grades, best first.")
    clarities: list[ClarityCount] = strawberry.field(description="Clarity grades, best first.")
    cuts: list[CutCount] = strawberry.field(description="Cut grades, best first.")
    labs: list[LabCount] = strawberry.field(description=f"Laboratories, most frequent first; at most {_MOST_LABS}.")
    lab_grown: list[LabGrownCount] = strawberry.field(description="Origin: lab-grown or natural.")
    price: PriceHistogram = strawberry.field(description="Retail prices.")
    carat: CaratHistogram = strawberry.field(description="Weights.")


_NAMES: Mapping[str, str] = {
    "shapes": "shape",
    "colors": "color",
    "clarities": "clarity",
    "cuts": "cut",
    "labs": "certificate_lab",
    "labGrown": "lab_grown",
    "price": "retail_price_cents",
    "carat": "carat_milli",
}


def selected_facets(selection: Selection) -> list[str]:
    """Return the catalog names of the selected facets."""
    return [name for field, name in _NAMES.items() if field in selection]


def facets_to_graphql(facets: Facets) -> DiamondFacets:
    """Convert facets. A facet that was not selected is empty."""
    counts = facets.counts
    shapes = _graded(counts.get("shape", {}), Shape, grades.SHAPES)
    colors = _graded(counts.get("color", {}), ColorGrade, grades.COLORS)
    clarities = _graded(counts.get("clarity", {}), ClarityGrade, grades.CLARITIES)
    cuts = _graded(counts.get("cut", {}), CutGrade, grades.CUTS)
    labs = sorted(counts.get("certificate_lab", {}).items(), key=lambda item: (-item[1], item[0] or ""))
    origins = sorted(counts.get("lab_grown", {}).items(), key=lambda item: str(item[0]))
    return DiamondFacets(
        shapes=[ShapeCount(value=value or Shape.OTHER, count=count) for value, count in shapes],
        colors=[ColorCount(value=value, count=count) for value, count in colors],
        clarities=[ClarityCount(value=value, count=count) for value, count in clarities],
        cuts=[CutCount(value=value, count=count) for value, count in cuts],
        labs=[LabCount(value=value, count=count) for value, count in labs[:_MOST_LABS]],
        lab_grown=[LabGrownCount(value=text == "true", count=count) for text, count in origins],
        price=_prices(facets.histograms.get("retail_price_cents", Histogram())),
        carat=_weights(facets.histograms.get("carat_milli", Histogram())),
    )


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
        buckets=[PriceBucket(**_ends(bucket, money), count=bucket.count) for bucket in histogram.buckets],
        quantiles=PriceQuantiles(**_quantiles(histogram, money)) if histogram.quantiles else None,
    )


def _weights(histogram: Histogram) -> CaratHistogram:
    return CaratHistogram(
        buckets=[CaratBucket(**_ends(bucket, _carats), count=bucket.count) for bucket in histogram.buckets],
        quantiles=CaratQuantiles(**_quantiles(histogram, _carats)) if histogram.quantiles else None,
    )


def _carats(milli: int) -> float:
    return milli / 1000


def _ends(bucket: Bucket, show: Callable[[int], Any]) -> dict[str, Any]:
    return {name: None if end is None else show(end) for name, end in (("min", bucket.min), ("max", bucket.max))}


def _quantiles(histogram: Histogram, show: Callable[[int], Any]) -> dict[str, Any]:
    names = ("min", "p5", "p25", "median", "p75", "p95", "max")
    return {name: show(value) for name, value in zip(names, histogram.quantiles, strict=True)}
