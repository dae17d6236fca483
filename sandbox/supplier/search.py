"""What a client searches for, turned into tests on columns, and how answers are ordered.

Settled for this simulator: bands compare numerically and include both ends; a missing end is open; an empty list does
not filter; a stone without a price matches only where no price is asked for, and sorts last in either direction; ties
are broken by id.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal

import msgspec

from sandbox.supplier.identity import SCRAMBLE_MASK, ordinal_of, ordinal_of_certificate, scramble, unscramble
from sandbox.supplier.stones import HAS_IMAGE, HAS_V360, LAB_GROWN, NO_CARATS, NO_PRICE, Stones

OrderType = Literal["id", "createdAt", "price", "discount", "size", "price_per_carat"]
Range = tuple[int | None, int | None]
Test = Callable[[int], bool]

_ID_BITS = SCRAMBLE_MASK.bit_length()
_LAST = 1 << 160  # beyond anything that is sorted by
_FAIR_AND_POOR = ("F", "P")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Order(msgspec.Struct, frozen=True):
    type: OrderType = "id"
    descending: bool = False


class Criteria(msgspec.Struct, frozen=True):
    """A `DiamondQuery`. Prices in cents, carats in thousandths, instants in microseconds; None does not filter."""

    price: Range | None = None
    dollars_per_carat: Range | None = None
    sizes: tuple[Range, ...] = ()
    shapes: frozenset[str] = frozenset()
    availability: frozenset[str] = frozenset()
    lab_grown: bool | None = None
    has_image: bool | None = None
    has_v360: bool | None = None
    no_fair_or_poor_cuts: bool = False
    no_memo: bool = False
    updated: Range | None = None
    ids: tuple[str, ...] = ()
    certificate_numbers: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether it names its stones, so that nothing has to be searched."""
        return bool(self.ids or self.certificate_numbers)

    def candidates(self) -> set[int]:
        """The ordinals behind the ids and certificate numbers (where both are given, behind both)."""
        ordinals = {ordinal_of(text) for text in self.ids}
        certified = {ordinal_of_certificate(number) for number in self.certificate_numbers}
        found = ordinals & certified if self.ids and self.certificate_numbers else ordinals | certified
        return {ordinal for ordinal in found if ordinal is not None}


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    elapsed = instant - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def criteria(query: Mapping[str, Any]) -> Criteria:
    """Read a coerced `DiamondQuery`.

    Raises:
        ValueError: an end of `updated` is not an ISO 8601 instant.
    """
    updated = query.get("updated")
    return Criteria(
        price=_whole(query.get("dollar_value"), 100),
        dollars_per_carat=_whole(query.get("dollar_per_carat"), 1),
        sizes=tuple(_thousandths(size) for size in query.get("sizes") or ()),
        shapes=frozenset(shape.upper() for shape in query.get("shapes") or () if shape),
        availability=frozenset(word.replace("_", " ") for word in query.get("availability") or () if word),
        lab_grown=query.get("labgrown"),
        has_image=query.get("has_image"),
        has_v360=query.get("has_v360"),
        no_fair_or_poor_cuts=bool(query.get("excludeFairPoorCuts")),
        no_memo=bool(query.get("hide_memo")),
        updated=None if updated is None else (_instant(updated.get("from")), _instant(updated.get("to"))),
        ids=tuple(text for text in (query.get("filter_ids") or query.get("ids") or ()) if text),
        certificate_numbers=tuple(number for number in query.get("certificate_numbers") or () if number),
    )


def _whole(span: Mapping[str, int | None] | None, unit: int) -> Range | None:
    if span is None or (span.get("from") is None and span.get("to") is None):
        return None
    low, high = span.get("from"), span.get("to")
    return None if low is None else low * unit, None if high is None else high * unit


def _thousandths(span: Mapping[str, float | None]) -> Range:
    low, high = span.get("from"), span.get("to")
    return (
        None if low is None else int((Decimal(repr(low)) * 1000).to_integral_value(ROUND_CEILING)),
        None if high is None else int((Decimal(repr(high)) * 1000).to_integral_value(ROUND_FLOOR)),
    )


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    return micros(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def within(value: int, span: Range) -> bool:
    low, high = span
    return (low is None or low <= value) and (high is None or value <= high)


def tests(wanted: Criteria, stones: Stones) -> list[Test]:
    """Tests on an ordinal that must all pass; one per criterion that filters, the most selective first."""
    found: list[Test] = []
    if wanted.named:
        candidates = wanted.candidates()
        found.append(lambda ordinal: ordinal in candidates)
    if wanted.updated is not None:
        updated_span, updated = wanted.updated, stones.updated
        found.append(lambda ordinal: within(updated[ordinal], updated_span))
    if wanted.price is not None:
        price_span, price = wanted.price, stones.price
        found.append(lambda ordinal: price[ordinal] != NO_PRICE and within(price[ordinal], price_span))
    if wanted.dollars_per_carat is not None:
        found.append(_per_carat(wanted.dollars_per_carat, stones))
    if wanted.sizes:
        found.append(_sizes(wanted.sizes, stones))
    found += _flags(wanted, stones)
    if wanted.shapes:
        # Looked up at every test: a word that is unknown now may be learnt later.
        shape, shape_word = stones.shape, stones.shapes.word
        found.append(lambda ordinal: (shape_word(shape[ordinal]) or "").upper() in wanted.shapes)
    if wanted.availability:
        availability, availability_word = stones.availability, stones.availabilities.word
        found.append(lambda ordinal: availability_word(availability[ordinal]) in wanted.availability)
    if wanted.no_fair_or_poor_cuts:
        cut, refused = stones.cut, {stones.cuts.find(word) for word in _FAIR_AND_POOR}
        found.append(lambda ordinal: cut[ordinal] not in refused)
    if wanted.no_memo:
        standing, memo = stones.availability, stones.availabilities.find("MEMO")
        found.append(lambda ordinal: standing[ordinal] != memo)
    return found


def _flags(wanted: Criteria, stones: Stones) -> list[Test]:
    mask = value = 0
    for flag, asked in ((LAB_GROWN, wanted.lab_grown), (HAS_IMAGE, wanted.has_image), (HAS_V360, wanted.has_v360)):
        if asked is not None:
            mask |= flag
            value |= flag if asked else 0
    flags = stones.flags
    return [lambda ordinal: flags[ordinal] & mask == value] if mask else []


def _per_carat(span: Range, stones: Stones) -> Test:
    """Exact: price (cents) / carats (thousandths) against whole dollars per carat, without a division."""
    low, high = span
    price, carats = stones.price, stones.carats

    def test(ordinal: int) -> bool:
        if price[ordinal] == NO_PRICE or carats[ordinal] == NO_CARATS:
            return False
        scaled = price[ordinal] * 10
        return (low is None or low * carats[ordinal] <= scaled) and (high is None or scaled <= high * carats[ordinal])

    return test


def _sizes(spans: tuple[Range, ...], stones: Stones) -> Test:
    carats = stones.carats
    return lambda ordinal: carats[ordinal] != NO_CARATS and any(within(carats[ordinal], span) for span in spans)


def sorting(order: Order, stones: Stones) -> Callable[[int], int]:
    """The key of an ordinal: what it is sorted by, then its id; a stone without the value comes last."""
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

    def price_per_carat(ordinal: int) -> int | None:
        if price[ordinal] == NO_PRICE or carats[ordinal] == NO_CARATS:
            return None
        # Two different ratios of such numbers differ by more than one part in 10**20.
        return price[ordinal] * 10**20 // carats[ordinal]

    values: Mapping[OrderType, Callable[[int], int | None]] = {
        "id": lambda _: 0,
        "createdAt": stones.created.__getitem__,
        "price": price_or_none,
        "discount": stones.discount.__getitem__,
        "size": lambda ordinal: carats[ordinal] or None,
        "price_per_carat": price_per_carat,
    }
    return values[kind]


def ordinal_at(key: int) -> int:
    return unscramble(key)


def price_bounds(span: Range, *, descending: bool) -> tuple[int, int]:
    """The keys of an order by price between which a band lies: from the first up to, not including, the second."""
    low, high = span
    if descending:
        low, high = None if high is None else -high, None if low is None else -low
    return (-_LAST if low is None else low) << _ID_BITS, (_LAST if high is None else high + 1) << _ID_BITS
