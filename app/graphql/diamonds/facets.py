"""The facets of a search, as the schema shows them."""

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

_COUNT = "How many diamonds have it."
_MOST_LABS = 100


@strawberry.type(description="How many diamonds have a shape.")
class ShapeCount:
    value: Shape = strawberry.field(description="The shape.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="How many diamonds have a colour grade.")
class ColorCount:
    value: ColorGrade | None = strawberry.field(description="The grade; null for diamonds without one.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="How many diamonds have a clarity grade.")
class ClarityCount:
    value: ClarityGrade | None = strawberry.field(description="The grade; null for diamonds without one.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="How many diamonds have a cut grade.")
class CutCount:
    value: CutGrade | None = strawberry.field(description="The grade; null for diamonds without one.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="How many diamonds have a report of a laboratory.")
class LabCount:
    value: str | None = strawberry.field(description="The laboratory; null for diamonds without one.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="How many diamonds are lab-grown, or natural.")
class LabGrownCount:
    value: bool = strawberry.field(description="Whether they were grown in a laboratory.")
    count: int = strawberry.field(description=_COUNT)


@strawberry.type(description="A range of retail prices. It can be given to the filter as it stands.")
class PriceBucket:
    min: Money | None = strawberry.field(description="The lowest price that belongs to it; null is open.")
    max: Money | None = strawberry.field(description="The highest price that belongs to it; null is open.")
    count: int = strawberry.field(description="How many diamonds lie in it.")


@strawberry.type(description="A range of weights. It can be given to the filter as it stands.")
class CaratBucket:
    min: float | None = strawberry.field(description="The lowest weight that belongs to it; null is open.")
    max: float | None = strawberry.field(description="The highest weight that belongs to it; null is open.")
    count: int = strawberry.field(description="How many diamonds lie in it.")


@strawberry.type(
    description="Retail prices at or below which a share of the diamonds lies. Each is a price of one of them."
)
class PriceQuantiles:
    min: Money = strawberry.field(description="The lowest price.")
    p5: Money = strawberry.field(description="For 5 percent.")
    p25: Money = strawberry.field(description="For a quarter.")
    median: Money = strawberry.field(description="For half of them.")
    p75: Money = strawberry.field(description="For three quarters.")
    p95: Money = strawberry.field(description="For 95 percent.")
    max: Money = strawberry.field(description="The highest price.")


@strawberry.type(
    description="Weights at or below which a share of the diamonds lies. Each is the weight of one of them."
)
class CaratQuantiles:
    min: float = strawberry.field(description="The lowest weight.")
    p5: float = strawberry.field(description="For 5 percent.")
    p25: float = strawberry.field(description="For a quarter.")
    median: float = strawberry.field(description="For half of them.")
    p75: float = strawberry.field(description="For three quarters.")
    p95: float = strawberry.field(description="For 95 percent.")
    max: float = strawberry.field(description="The highest weight.")


@strawberry.type(description="How retail prices are spread.")
class PriceHistogram:
    buckets: list[PriceBucket] = strawberry.field(
        description="Ranges side by side, from the first to the last that holds a diamond. The same for every search."
    )
    quantiles: PriceQuantiles | None = strawberry.field(description="Null when nothing matches.")


@strawberry.type(description="How weights are spread, in carats.")
class CaratHistogram:
    buckets: list[CaratBucket] = strawberry.field(
        description="Ranges side by side, from the first to the last that holds a diamond. The same for every search."
    )
    quantiles: CaratQuantiles | None = strawberry.field(description="Null when nothing matches.")


@strawberry.type(
    description="What the diamonds of a search are made of. Values that none of them has are left out. Each facet is "
    "computed only when asked for."
)
class DiamondFacets:
    shapes: list[ShapeCount] = strawberry.field(description="By shape.")
    colors: list[ColorCount] = strawberry.field(description="By colour, the best first.")
    clarities: list[ClarityCount] = strawberry.field(description="By clarity, the best first.")
    cuts: list[CutCount] = strawberry.field(description="By cut, the best first.")
    labs: list[LabCount] = strawberry.field(
        description=f"By laboratory, the most frequent first; at most {_MOST_LABS} of them."
    )
    lab_grown: list[LabGrownCount] = strawberry.field(description="By origin.")
    price: PriceHistogram = strawberry.field(description="By retail price.")
    carat: CaratHistogram = strawberry.field(description="By weight.")


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
    """The catalog's names of the facets that were asked for."""
    return [name for field, name in _NAMES.items() if field in selection]


def facets_to_graphql(facets: Facets) -> DiamondFacets:
    """The facets as the schema has them. A facet that was not selected is empty, and is not shown."""
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
    """In the order of the scale; then what it does not know, all together, and last those without a grade."""
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
