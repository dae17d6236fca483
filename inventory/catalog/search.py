"""What a search is: a filter, an order, a page; and the one interface behind which it is answered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets


class NumericRange(msgspec.Struct, frozen=True):
    """Both ends belong to it; None leaves an end open."""

    min: int | None = None
    max: int | None = None


# A shorter beginning of a number matches a large part of the inventory.
SHORTEST_PREFIX = 3
# Criterion `return_days` of diamonds that are returnable, and of those that are not.
RETURNABLE: Mapping[bool | None, NumericRange] = {True: NumericRange(1, None), False: NumericRange(0, 0)}


class DiamondCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """Which diamonds. A criterion that is None matches every diamond; those that are set must all match.

    Criteria bear the names of the columns and their units. Lists match any of their values (an empty one matches
    nothing); grades are those of `inventory.catalog.grades`, and OTHER is any grade outside its scale. A criterion on a column
    without a value does not match.

    `stock_number`: of the platform or the dealer, in any case. `number_prefix`: beginning of a certificate or stock number, in
    any case. `exclude`: diamonds that match one of its criteria are left out; a value that is not known does not match.
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
        """Whether the answer lets a caller infer what the supplier asks."""
        return self.supplier_price_cents is not None or (
            self.exclude is not None and self.exclude.tells_supplier_prices
        )


class SortKey(msgspec.Struct, frozen=True):
    """Something to order by. Diamonds without a value come last, in both directions; ties go by id, in the same one.

    `code` stands in cursors: a number is never given to another sort.
    """

    code: int
    expression: str
    nullable: bool = False
    instant: bool = False
    tells_supplier_prices: bool = False


CREATED = SortKey(1, "created_at", instant=True)
RETAIL_PRICE = SortKey(2, "retail_price_cents")
CARAT = SortKey(3, "carat_milli")
# Rounded half up in integers, as `Diamond.retail_per_carat_cents` does it, and divided before it is multiplied: no price
# that the inventory takes overflows 64 bits.
RETAIL_PER_CARAT = SortKey(
    4,
    "(retail_price_cents / carat_milli * 1000"
    " + (retail_price_cents % carat_milli * 2000 + carat_milli) / (2 * carat_milli))",
)
COLOR = SortKey(5, "color_rank", nullable=True)
CLARITY = SortKey(6, "clarity_rank", nullable=True)
RATING = SortKey(7, "rating", nullable=True)
SUPPLIER_PRICE = SortKey(8, "supplier_price_cents", tells_supplier_prices=True)

CUT = SortKey(9, "cut_rank", nullable=True)
# A cursor contains the value, and hidden measurements are not shown.
RATIO = SortKey(10, "CASE WHEN NOT measurements_hidden THEN ratio_milli END", nullable=True)
DELIVERY = SortKey(11, "delivery_max_days", nullable=True)

SORTS: Sequence[SortKey] = (
    CREATED, RETAIL_PRICE, CARAT, RETAIL_PER_CARAT, COLOR, CLARITY, RATING, SUPPLIER_PRICE, CUT, RATIO, DELIVERY,
)  # fmt: skip


class SortOrder(msgspec.Struct, frozen=True):
    """A sort and its direction. `then`: further sorts for diamonds that are equal in it."""

    sort: SortKey
    descending: bool = False
    then: tuple["SortOrder", ...] = ()

    @property
    def levels(self) -> tuple["SortOrder", ...]:
        """All sorts, the first one first."""
        return (self, *self.then)

    @property
    def tells_supplier_prices(self) -> bool:
        """Whether the order lets a caller infer what the supplier asks."""
        return any(level.sort.tells_supplier_prices for level in self.levels)


class SortPosition(msgspec.Struct, frozen=True):
    """A place in an order: the value of the sort there (an instant in microseconds since 1970), and the id.

    With several sorts, `value` and `others` are their values as they ascend: negated in a descending sort, and `LAST` for a
    diamond without a value.
    """

    value: int
    id: UUID
    others: tuple[int, ...] = ()

    @property
    def values(self) -> tuple[int, ...]:
        return (self.value, *self.others)


LAST = 2**63 - 1


class PageWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of an order by position: the first `limit` diamonds after `after`, or the last ones before `before`.

    Both positions may be given; `backwards` says from which end to count. The result stands in the order either way.
    """

    limit: int
    after: SortPosition | None = None
    before: SortPosition | None = None
    backwards: bool = False


class PageOffset(msgspec.Struct, frozen=True):
    """A stretch of an order by number: `limit` diamonds from the `offset`-th on. The further, the slower."""

    limit: int
    offset: int


class SearchHit(msgspec.Struct, frozen=True):
    """A diamond on a page, and where it stands."""

    diamond: Diamond
    position: SortPosition


class SearchPage(msgspec.Struct, frozen=True):
    """Part of a search's result, in its order. `more`: whether there is something beyond the far end."""

    hits: Sequence[SearchHit]
    more: bool


class DiamondSearch(Protocol):
    """Finding active diamonds. Every method raises `DatabaseUnavailable` where the source does not answer.

    Pages and counts are separate, so that each can be answered by whatever is fastest at it.
    """

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        """A page with these columns (`id` comes always)."""

    async def count(self, criteria: DiamondCriteria) -> int:
        """How many diamonds match."""

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        """The facets of these names. With `disregard_own` each as if its own criterion were not set.

        `edges`: where the buckets of a measure begin, ascending, in place of the standard ones.
        """

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        """The diamonds with these ids; one that isn't there, or isn't active, is left out."""
