"""Diamond search: criteria, sort order and paging, and the interface of its implementations."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets


class NumericRange(msgspec.Struct, frozen=True):
    """Numeric range with inclusive ends. None is an open end."""

    min: int | None = None
    max: int | None = None


# Minimum length of a number prefix. A shorter prefix matches a large part of the inventory.
SHORTEST_PREFIX = 3
# Criterion `return_days` for returnable and for non-returnable diamonds.
RETURNABLE: Mapping[bool | None, NumericRange] = {True: NumericRange(1, None), False: NumericRange(0, 0)}


class DiamondCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """Search criteria. None matches every diamond; a diamond must match all criteria that are set.

    A criterion has the name and unit of its column. A list matches any of its values; an empty list matches no diamond.
    Grades are those of `inventory.catalog.grades`; OTHER matches any grade outside the scale. A criterion does not match NULL.

    `stock_number`: of the platform or the dealer, case-insensitive. `number_prefix`: prefix of a certificate or stock number,
    case-insensitive. `exclude`: excludes diamonds that match any of its criteria; NULL does not match.
    """

    ids: Sequence[UUID] | None = None
    supplier: Sequence[str] | None = None
    shape: Sequence[str] | None = None
    color: Sequence[str] | None = None
    clarity: Sequence[str] | None = None
    cut: Sequence[str] | None = None
    polish: Sequence[str] | None = None
    symmetry: Sequence[str] | None = None
    fluorescence: Sequence[str] | None = None
    fluorescence_color: Sequence[str] | None = None
    fancy_color: Sequence[str] | None = None
    fancy_intensity: Sequence[str] | None = None
    fancy_overtone: Sequence[str] | None = None
    growth_method: Sequence[str] | None = None
    availability: Sequence[str] | None = None
    certificate_lab: Sequence[str] | None = None
    certificate_number: Sequence[str] | None = None
    stock_number: Sequence[str] | None = None
    number_prefix: str | None = None
    certificate_hidden: bool | None = None
    measurements_hidden: bool | None = None
    carat_milli: NumericRange | None = None
    retail_price_cents: NumericRange | None = None
    retail_per_carat_cents: NumericRange | None = None
    supplier_price_cents: NumericRange | None = None
    length_milli: NumericRange | None = None
    width_milli: NumericRange | None = None
    height_milli: NumericRange | None = None
    ratio_milli: NumericRange | None = None
    table_milli: NumericRange | None = None
    depth_milli: NumericRange | None = None
    rating: NumericRange | None = None
    delivery_max_days: NumericRange | None = None
    return_days: NumericRange | None = None
    lab_grown: bool | None = None
    treated: bool | None = None
    eye_clean: bool | None = None
    brown_tinge: bool | None = None
    green_tinge: bool | None = None
    milky: bool | None = None
    has_image: bool | None = None
    has_video: bool | None = None
    has_spin: bool | None = None
    created_since: datetime | None = None
    updated_since: datetime | None = None
    exclude: "DiamondCriteria | None" = None

    @property
    def tells_supplier_prices(self) -> bool:
        """Whether the result reveals supplier prices."""
        return self.supplier_price_cents is not None or (
            self.exclude is not None and self.exclude.tells_supplier_prices
        )


# Diamonds that are available now or may become available: the default search of GraphQL.
OFFERED = DiamondCriteria(availability=("available", "on_hold"))


class SortKey(msgspec.Struct, frozen=True):
    """Sort key. Diamonds without a value are last in both directions. Ties are ordered by id in the same direction.

    `code`: identifies the sort in cursors. A number is never reused for another sort. `indexed`: whether Postgres has an index
    in this order, so that it reads pages of all diamonds without sorting them. Each such index slows every consolidation.
    """

    code: int
    expression: str
    nullable: bool = False
    instant: bool = False
    tells_supplier_prices: bool = False
    indexed: bool = False


CREATED = SortKey(1, "created_at", instant=True, indexed=True)
RETAIL_PRICE = SortKey(2, "retail_price_cents", indexed=True)
CARAT = SortKey(3, "carat_milli", indexed=True)
# Rounded half up in integers, as in `Diamond.retail_per_carat_cents`. It divides before it multiplies, so that no valid
# price overflows 64 bits.
RETAIL_PER_CARAT = SortKey(
    4,
    "(retail_price_cents / carat_milli * 1000"
    " + (retail_price_cents % carat_milli * 2000 + carat_milli) / (2 * carat_milli))",
)
COLOR = SortKey(5, "color_rank", nullable=True)
CLARITY = SortKey(6, "clarity_rank", nullable=True)
RATING = SortKey(7, "rating", nullable=True)
SUPPLIER_PRICE = SortKey(8, "supplier_price_cents", tells_supplier_prices=True, indexed=True)

CUT = SortKey(9, "cut_rank", nullable=True)
# A cursor contains the sort value, so hidden measurements must not be sort values.
RATIO = SortKey(10, "CASE WHEN NOT measurements_hidden THEN ratio_milli END", nullable=True)
DELIVERY = SortKey(11, "delivery_max_days", nullable=True)

SORTS: Sequence[SortKey] = (
    CREATED, RETAIL_PRICE, CARAT, RETAIL_PER_CARAT, COLOR, CLARITY, RATING, SUPPLIER_PRICE, CUT, RATIO, DELIVERY,
)  # fmt: skip


class SortOrder(msgspec.Struct, frozen=True):
    """Sort order: a sort key with a direction. `then`: sorts for ties."""

    sort: SortKey
    descending: bool = False
    then: tuple["SortOrder", ...] = ()

    @property
    def levels(self) -> tuple["SortOrder", ...]:
        """All sorts in order of precedence."""
        return (self, *self.then)

    @property
    def tells_supplier_prices(self) -> bool:
        """Whether the order reveals supplier prices."""
        return any(level.sort.tells_supplier_prices for level in self.levels)


class SortPosition(msgspec.Struct, frozen=True):
    """Position in a sort order: sort value (an instant in microseconds since 1970) and id.

    With several sorts, `value` and `others` are ascending sort keys: values are negated in a descending sort, and `LAST`
    represents a missing value.
    """

    value: int
    id: UUID
    others: tuple[int, ...] = ()

    @property
    def values(self) -> tuple[int, ...]:
        return (self.value, *self.others)


LAST = 2**63 - 1


class PageWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Page by position (keyset pagination): the first `limit` diamonds after `after`, or the last `limit` before `before`.

    Both positions may be set. `backwards` counts from the end. The result is in the sort order in both cases.
    """

    limit: int
    after: SortPosition | None = None
    before: SortPosition | None = None
    backwards: bool = False


class PageOffset(msgspec.Struct, frozen=True):
    """Page by offset: `limit` diamonds from `offset`. A larger offset is slower."""

    limit: int
    offset: int


class SearchHit(msgspec.Struct, frozen=True):
    """A diamond on a page, with its position."""

    diamond: Diamond
    position: SortPosition


class SearchPage(msgspec.Struct, frozen=True):
    """Page of a search result, in its order. `more`: whether further diamonds follow in the direction of paging."""

    hits: Sequence[SearchHit]
    more: bool


class DiamondSearch(Protocol):
    """Search of active diamonds. Every method raises `DatabaseUnavailable` if the database does not answer.

    Pages and counts are separate, so that an implementation can use the fastest source for each.
    """

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        """Read a page with these columns (`id` is always included)."""

    async def count(self, criteria: DiamondCriteria) -> int:
        """Count the matching diamonds."""

    async def counted_page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> tuple[int, SearchPage]:
        """Count the matching diamonds and read a page, concurrently. A page beyond the end is not read."""
        if not isinstance(stretch, PageOffset) or not stretch.offset:
            total, page = await asyncio.gather(self.count(criteria), self.page(criteria, order, stretch, columns))
            return total, page
        total = await self.count(criteria)
        if stretch.offset >= total:
            return total, SearchPage([], more=False)
        return total, await self.page(criteria, order, stretch, columns)

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        """Compute facets by name. `disregard_own`: each facet ignores the criterion of the same column.

        `edges`: ascending bucket edges by measure, in place of the standard edges.
        """

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        """Read active diamonds by id. Unknown and inactive ids are omitted."""
