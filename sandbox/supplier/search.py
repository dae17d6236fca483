"""Search criteria and orders of the supplier's queries, as predicates on columns and as sort keys.

Both ends of a range are inclusive and compared with the stored number: `dollar_value: {from: 500, to: 500}` matches
$500.00 but not $500.01. An empty list does not filter. A stone without a value matches no range of it and sorts last in
both directions. Ties are ordered by id. `certificate_numbers` overrides all other criteria. `has_image` and `has_v360`
together match a stone that has either.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal

import msgspec

from sandbox.supplier.identity import SCRAMBLE_MASK, ordinal_of, ordinal_of_certificate, scramble, unscramble
from sandbox.supplier.stones import HAS_IMAGE, HAS_V360, LAB_GROWN, NO_CARATS, NO_PRICE, Stones
from sandbox.supplier.vocabulary import Words

OrderType = Literal[
    "none", "createdAt", "insert", "price", "discount", "size", "price_per_carat", "color", "clarity", "cut", "popular"
]
Range = tuple[int, int]
OpenRange = tuple[int | None, int | None]
Predicate = Callable[[int], bool]

_ID_BITS = SCRAMBLE_MASK.bit_length()
_LAST = 1 << 160  # greater than every sort value
_FAIR_AND_POOR = ("F", "FR", "P", "PR")
_MEMO = ("MEMO", "ON_MEMO")
_SUPPORTED = frozenset({
    "cut", "color", "clarity", "sizes", "shapes", "dollar_value", "dollar_per_carat", "has_image", "has_v360",
    "certificate_numbers", "labgrown", "hide_memo", "updated", "availability", "filter_ids", "excludeFairPoorCuts",
    # They select the compared price and the handling of unknown values, which has no effect here.
    "sub", "sue", "sul", "suk",
})  # fmt: skip
_ONLY_FALSE = frozenset(
    {"search_on_markup_price", "search_on_preferred_currency", "add_taxes_on_search", "custom_query"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Order(msgspec.Struct, frozen=True):
    type: OrderType = "none"
    descending: bool = False


class Criteria(msgspec.Struct, frozen=True):
    """A `DiamondQuery`. Prices in cents, carats in thousandths, instants in microseconds; None does not filter.

    `exclusive_from`, `exclusive_to`: whether that end of `dollars_per_carat` is exclusive.
    """

    price: Range | None = None
    dollars_per_carat: Range | None = None
    sizes: tuple[Range, ...] = ()
    shapes: frozenset[str] = frozenset()
    colors: frozenset[str] = frozenset()
    clarities: frozenset[str] = frozenset()
    cuts: frozenset[str] = frozenset()
    availability: frozenset[str] = frozenset()
    lab_grown: bool | None = None
    has_image: bool | None = None
    has_v360: bool | None = None
    no_fair_or_poor_cuts: bool = False
    no_memo: bool = False
    updated: OpenRange | None = None
    ids: tuple[str, ...] = ()
    certificate_numbers: tuple[str, ...] = ()
    exclusive_from: bool = False
    exclusive_to: bool = False

    @property
    def named(self) -> bool:
        """Whether the query contains ids or certificate numbers, so that no search is needed."""
        return bool(self.ids or self.certificate_numbers)

    def candidates(self) -> set[int]:
        """Ordinals of the ids or certificate numbers."""
        ordinals = {ordinal_of(text) for text in self.ids}
        ordinals |= {ordinal_of_certificate(number) for number in self.certificate_numbers}
        return {ordinal for ordinal in ordinals if ordinal is not None}


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    elapsed = instant - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def criteria(query: Mapping[str, Any], *, exclusive_from: bool = False, exclusive_to: bool = False) -> Criteria:
    """Convert a coerced `DiamondQuery`. `exclusive_from`, `exclusive_to`: whether that end of every range is exclusive.

    Raises:
        ValueError: a filter is not simulated, or an end of `updated` is not an ISO 8601 instant.
    """
    arguments = {name: value for name, value in query.items() if value is not None}
    for name, value in arguments.items():
        if name not in _SUPPORTED and not (name in _ONLY_FALSE and value is False):
            raise ValueError(f"query.{name}: the simulator does not filter by {value!r}")
    numbers = tuple(number for number in arguments.get("certificate_numbers", ()) if number)
    if numbers:
        return Criteria(certificate_numbers=numbers)

    def words(name: str) -> frozenset[str]:
        return frozenset(word for word in arguments.get(name, ()) if word)

    inner = (int(exclusive_from), -int(exclusive_to))
    updated = arguments.get("updated")
    return Criteria(
        price=_shrink(_range(arguments.get("dollar_value"), 100), inner),
        dollars_per_carat=_range(arguments.get("dollar_per_carat"), 1),
        sizes=tuple(filter(None, (_shrink(_thousandths(size), inner) for size in arguments.get("sizes", ())))),
        shapes=frozenset(shape.upper() for shape in words("shapes")),
        colors=words("color"),
        clarities=words("clarity"),
        cuts=words("cut"),
        availability=words("availability"),
        lab_grown=arguments.get("labgrown"),
        has_image=arguments.get("has_image"),
        has_v360=arguments.get("has_v360"),
        no_fair_or_poor_cuts=arguments.get("excludeFairPoorCuts", False),
        no_memo=arguments.get("hide_memo", False),
        updated=None if updated is None else (_instant(updated.get("from")), _instant(updated.get("to"))),
        ids=tuple(identity for identity in arguments.get("filter_ids", ()) if identity is not None),
        exclusive_from=exclusive_from,
        exclusive_to=exclusive_to,
    )


def _range(span: Mapping[str, int] | None, unit: int) -> Range | None:
    return None if span is None else (span["from"] * unit, span["to"] * unit)


def _thousandths(span: Mapping[str, float] | None) -> Range | None:
    if span is None:
        return None
    low, high = (Decimal(repr(span[end])) * 1000 for end in ("from", "to"))
    return int(low.to_integral_value(ROUND_CEILING)), int(high.to_integral_value(ROUND_FLOOR))


def _shrink(span: Range | None, inner: Range) -> Range | None:
    return None if span is None else (span[0] + inner[0], span[1] + inner[1])


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    return micros(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def within(value: int, span: OpenRange) -> bool:
    low, high = span
    return (low is None or low <= value) and (high is None or value <= high)


def predicates(filters: Criteria, stones: Stones) -> list[Predicate]:
    """Predicates on ordinals, one per criterion, the most selective first. A stone matches if all are true.

    Ids and certificate numbers have no predicate; see `Criteria.candidates`.
    """
    found: list[Predicate] = []
    if filters.updated is not None:
        updated_span, updated = filters.updated, stones.updated
        found.append(lambda ordinal: within(updated[ordinal], updated_span))
    if filters.price is not None:
        (low, high), price = filters.price, stones.price
        found.append(lambda ordinal: low <= price[ordinal] <= high)
    if filters.dollars_per_carat is not None:
        found.append(_per_carat(filters, filters.dollars_per_carat, stones))
    if filters.sizes:
        found.append(_sizes(filters.sizes, stones))
    found += _flags(filters, stones)
    if filters.shapes:
        # Looked up at every call: an unknown word may become known later.
        shape, shape_word = stones.shape, stones.shapes.word
        found.append(lambda ordinal: (shape_word(shape[ordinal]) or "").upper() in filters.shapes)
    for words, column, known in (
        (filters.colors, stones.color, stones.colors),
        (filters.clarities, stones.clarity, stones.clarities),
        (filters.cuts, stones.cut, stones.cuts),
        (filters.availability, stones.availability, stones.availabilities),
    ):
        if words:
            found.append(_word_in(words, column, known))
    if filters.no_fair_or_poor_cuts:
        found.append(_word_not_in(_FAIR_AND_POOR, stones.cut, stones.cuts))
    if filters.no_memo:
        found.append(_word_not_in(_MEMO, stones.availability, stones.availabilities))
    return found


def _word_in(filters: frozenset[str], column: Sequence[int], known: Words) -> Predicate:
    return lambda ordinal: known.word(column[ordinal]) in filters


def _word_not_in(excluded: Sequence[str], column: Sequence[int], known: Words) -> Predicate:
    return lambda ordinal: known.word(column[ordinal]) not in excluded


def _flags(filters: Criteria, stones: Stones) -> list[Predicate]:
    flags = stones.flags
    if filters.has_image and filters.has_v360:
        either = HAS_IMAGE | HAS_V360
        return [lambda ordinal: bool(flags[ordinal] & either), *_flags(_without_media(filters), stones)]
    mask = value = 0
    for flag, expected in (
        (LAB_GROWN, filters.lab_grown),
        (HAS_IMAGE, filters.has_image),
        (HAS_V360, filters.has_v360),
    ):
        if expected is not None:
            mask |= flag
            value |= flag if expected else 0
    return [lambda ordinal: flags[ordinal] & mask == value] if mask else []


def _without_media(filters: Criteria) -> Criteria:
    return msgspec.structs.replace(filters, has_image=None, has_v360=None)


def _per_carat(filters: Criteria, span: Range, stones: Stones) -> Predicate:
    """Compare price (cents) / carats (thousandths) with whole dollars per carat exactly, without a division."""
    low, high = span
    price, carats = stones.price, stones.carats
    # All values are integers, so an exclusive end is the next integer inside the range.
    inner_low, inner_high = int(filters.exclusive_from), int(filters.exclusive_to)

    def test(ordinal: int) -> bool:
        weight = carats[ordinal]
        if price[ordinal] == NO_PRICE or weight in {0, NO_CARATS}:
            return False
        return low * weight + inner_low <= price[ordinal] * 10 <= high * weight - inner_high

    return test


def _sizes(spans: tuple[Range, ...], stones: Stones) -> Predicate:
    carats = stones.carats
    return lambda ordinal: carats[ordinal] != NO_CARATS and any(low <= carats[ordinal] <= high for low, high in spans)


def sort_key(order: Order, stones: Stones) -> Callable[[int], int]:
    """Sort key of an ordinal: the sort value, then the id. A stone without the value sorts last."""
    value = _value(order.type, stones)

    def key(ordinal: int) -> int:
        rank = value(ordinal)
        if rank is None:
            rank = _LAST
        elif order.descending:
            rank = -rank
        return rank << _ID_BITS | scramble(ordinal)

    return key


def _value(kind: OrderType, stones: Stones) -> Callable[[int], int | None]:
    price, carats = stones.price, stones.carats

    def price_or_none(ordinal: int) -> int | None:
        return None if price[ordinal] == NO_PRICE else price[ordinal]

    def carats_or_none(ordinal: int) -> int | None:
        return None if carats[ordinal] == NO_CARATS else carats[ordinal]

    def price_per_carat(ordinal: int) -> int | None:
        if price[ordinal] == NO_PRICE or carats[ordinal] in {0, NO_CARATS}:
            return None
        # Two different ratios of such numbers differ by more than 10**-20.
        return price[ordinal] * 10**20 // carats[ordinal]

    def word(column: Sequence[int]) -> Callable[[int], int | None]:
        return lambda ordinal: None if column[ordinal] == Words.NONE else column[ordinal]

    values: Mapping[OrderType, Callable[[int], int | None]] = {
        "none": lambda _: 0,
        "popular": lambda _: 0,
        "createdAt": stones.created.__getitem__,
        "insert": stones.created.__getitem__,
        "price": price_or_none,
        "discount": stones.discount.__getitem__,
        "size": carats_or_none,
        "price_per_carat": price_per_carat,
        "color": word(stones.color),
        "clarity": word(stones.clarity),
        "cut": word(stones.cut),
    }
    return values[kind]


def ordinal_at(key: int) -> int:
    return unscramble(key)


def least_key(key: int, *, after: bool = False) -> int:
    """Smallest key with the same sort value; `after`: the smallest key with a greater sort value."""
    return (key >> _ID_BITS) + after << _ID_BITS


def price_bounds(span: Range, *, descending: bool) -> tuple[int, int]:
    """Keys of a price band in an order by price: the first key (inclusive) and the end (exclusive)."""
    low, high = (-span[1], -span[0]) if descending else span
    return low << _ID_BITS, high + 1 << _ID_BITS
