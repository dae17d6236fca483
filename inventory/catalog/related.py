"""Related diamonds: similar diamonds, and matching pairs. The rules are in docs/reference/graphql.md.

Candidates are the diamonds with the nearest prices above and below, so that a query reads a bounded number of rows.
"""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import msgspec

from inventory.catalog import grades
from inventory.catalog.diamond import Diamond
from inventory.catalog.search import (
    RETAIL_PRICE,
    DiamondCriteria,
    DiamondSearch,
    NumericRange,
    PageWindow,
    SortOrder,
    SortPosition,
)

# Candidates above the price, and below it.
_CANDIDATES = 100
_COLUMNS = frozenset({
    "id", "shape", "lab_grown", "carat_milli", "color", "clarity", "retail_price_cents", "certificate_lab", "fluorescence",
    "length_milli", "width_milli", "ratio_milli", "table_milli", "depth_milli",
})  # fmt: skip
_OFFERED = ("available", "on_hold")
# Maximum diamonds with the same certificate; usually there is one per supplier.
_MAX_OFFERS = 50
# Weight above which a pair may have larger differences in millimetres.
_LARGE_MILLI = 2000


class RelatedDiamond(msgspec.Struct, frozen=True):
    """A related diamond and its differences from the given diamond. Grade steps are positive if its grade is lower.

    `distance`: sum of the differences, each divided by the largest allowed difference; 0 means equal.
    """

    id: UUID
    carat_milli: int
    price_cents: int
    color_steps: int | None
    clarity_steps: int | None
    distance: float


async def similar(search: DiamondSearch, diamond_id: UUID, limit: int) -> Sequence[RelatedDiamond] | None:
    """Find similar diamonds, the most similar first. Returns None if the diamond does not exist.

    Same origin and shape; carat within 5 %, price within 10 %, colour and clarity within one grade.
    """
    given = (await search.find([diamond_id], _COLUMNS)).get(diamond_id)
    if given is None:
        return None
    criteria = DiamondCriteria(
        lab_grown=given.lab_grown,
        shape=[given.shape],
        carat_milli=_share(given.carat_milli, 5),
        retail_price_cents=_share(given.retail_price_cents, 10),
        color=_neighbours(given.color, grades.COLORS),
        clarity=_neighbours(given.clarity, grades.CLARITIES),
        availability=_OFFERED,
    )
    return await _ranked(search, given, criteria, lambda _: True, limit)


async def same_certificate(
    search: DiamondSearch, diamond_id: UUID, columns: Collection[str]
) -> Sequence[Diamond] | None:
    """Find other diamonds with the same laboratory and certificate number. Returns None if the diamond does not exist.

    They are offers of one stone by several suppliers. Available diamonds are first, then by price. The result is empty if the
    certificate is hidden from the caller, or the diamond has none.
    """
    given = (await search.find([diamond_id], {"certificate_lab", "certificate_number"})).get(diamond_id)
    if given is None:
        return None
    if given.certificate_lab is None or given.certificate_number is None:
        return []
    criteria = DiamondCriteria(certificate_lab=[given.certificate_lab], certificate_number=[given.certificate_number])
    page = await search.page(
        criteria, SortOrder(RETAIL_PRICE), PageWindow(limit=_MAX_OFFERS), {*columns, "availability"}
    )
    others = [hit.diamond for hit in page.hits if hit.diamond.id != diamond_id]
    return sorted(others, key=lambda one: one.availability != "available")


async def matching(search: DiamondSearch, diamond_id: UUID, limit: int) -> Sequence[RelatedDiamond] | None:
    """Find diamonds that form a pair with the given one, the best match first. Returns None if the diamond does not exist.

    Same origin, shape, laboratory and fluorescence; carat within 3 %, colour and clarity within one grade; length and width
    within 0.10 mm (0.15 mm above 2 ct), ratio within 0.03, table within 2 and depth within 1.5 percent.
    """
    given = (await search.find([diamond_id], _COLUMNS)).get(diamond_id)
    if given is None:
        return None
    if given.length_milli is None or given.width_milli is None:
        return []
    side = 150 if given.carat_milli > _LARGE_MILLI else 100
    criteria = DiamondCriteria(
        lab_grown=given.lab_grown,
        shape=[given.shape],
        certificate_lab=None if given.certificate_lab is None else [given.certificate_lab],
        fluorescence=None if given.fluorescence is None else [given.fluorescence],
        carat_milli=_share(given.carat_milli, 3),
        color=_neighbours(given.color, grades.COLORS),
        clarity=_neighbours(given.clarity, grades.CLARITIES),
        length_milli=_within(given.length_milli, side),
        width_milli=_within(given.width_milli, side),
        ratio_milli=_within(given.ratio_milli, 30),
        table_milli=_within(given.table_milli, 2000),
        depth_milli=_within(given.depth_milli, 1500),
        availability=_OFFERED,
    )

    def same(found: Diamond) -> bool:
        return found.certificate_lab == given.certificate_lab and found.fluorescence == given.fluorescence

    return await _ranked(search, given, criteria, same, limit)


async def _ranked(
    search: DiamondSearch, given: Diamond, criteria: DiamondCriteria, fits: Callable[[Diamond], bool], limit: int
) -> Sequence[RelatedDiamond]:
    order, here = SortOrder(RETAIL_PRICE), SortPosition(given.retail_price_cents, given.id)
    above = await search.page(criteria, order, PageWindow(limit=_CANDIDATES, after=here), _COLUMNS)
    below = await search.page(criteria, order, PageWindow(limit=_CANDIDATES, before=here, backwards=True), _COLUMNS)
    hits = (hit.diamond for page in (above, below) for hit in page.hits)
    found = [_compared(given, one) for one in hits if one.id != given.id and fits(one)]
    return sorted(found, key=lambda one: (one.distance, one.id))[:limit]


def _compared(given: Diamond, other: Diamond) -> RelatedDiamond:
    color = _steps(given.color, other.color, grades.COLORS)
    clarity = _steps(given.clarity, other.clarity, grades.CLARITIES)
    carat, price = other.carat_milli - given.carat_milli, other.retail_price_cents - given.retail_price_cents
    distance = (
        abs(carat) / (0.05 * given.carat_milli)
        + abs(price) / max(0.10 * given.retail_price_cents, 1)
        + abs(color or 0)
        + abs(clarity or 0)
    )
    return RelatedDiamond(other.id, carat, price, color, clarity, round(distance, 6))


def _share(value: int, percent: int) -> NumericRange:
    return NumericRange(-(-value * (100 - percent) // 100), value * (100 + percent) // 100)


def _within(value: int | None, most: int) -> NumericRange | None:
    return None if value is None else NumericRange(max(0, value - most), value + most)


def _neighbours(grade: str | None, scale: Sequence[str]) -> Sequence[str] | None:
    if grade not in scale:
        return None
    place = scale.index(grade)
    return scale[max(0, place - 1) : place + 2]


def _steps(given: str | None, other: str | None, scale: Sequence[str]) -> int | None:
    return scale.index(other) - scale.index(given) if given in scale and other in scale else None
