"""Views: sorted keys of the stones that match a filter, and pages of them."""

from collections.abc import Iterable
from random import Random

import msgspec

from sandbox.supplier import search
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.sorted_keys import SortedKeys
from sandbox.supplier.stones import Stones


class View:
    """Sorted keys of the stones that match a filter."""

    def __init__(self, stones: Stones, filters: Criteria, order: Order, named: Iterable[int] = ()) -> None:
        """`named`: ordinals of the ids and certificate numbers in the filter."""
        self.predicates = search.predicates(filters, stones)
        self.key = search.sort_key(order, stones)
        self._present = stones.present
        ordinals: Iterable[int] = named if filters.named else range(len(stones))
        ordinals = [ordinal for ordinal in ordinals if ordinal < len(stones) and stones.present[ordinal]]
        for test in self.predicates:
            ordinals = [ordinal for ordinal in ordinals if test(ordinal)]
        self.keys = SortedKeys(map(self.key, ordinals))

    def key_of(self, ordinal: int) -> int | None:
        """Key of a stone in the view. Returns None if the stone does not match."""
        if not self._present[ordinal] or not all(test(ordinal) for test in self.predicates):
            return None
        return self.key(ordinal)


class ViewRange(msgspec.Struct, frozen=True):
    """Search result: a range of a view. `first`: rank of the first stone; `count`: number of stones."""

    keys: SortedKeys
    first: int
    count: int

    def page(self, offset: int, limit: int) -> list[int]:
        """Ordinals of a page."""
        start = self.first + offset
        return [search.ordinal_at(key) for key in self.keys.slice(start, min(start + limit, self.first + self.count))]

    def page_with_random_ties(self, offset: int, limit: int, random: Random) -> list[int]:
        """Ordinals of a page with ties in random order."""
        end = self.first + self.count
        start, stop = min(self.first + offset, end), min(self.first + offset + limit, end)
        if start == stop:
            return []
        (low,), (high,) = self.keys.slice(start, start + 1), self.keys.slice(stop - 1, stop)
        first = max(self.keys.rank(search.least_key(low)), self.first)
        last = min(self.keys.rank(search.least_key(high, after=True)), end)
        keys = [(search.least_key(key), random.random(), key) for key in self.keys.slice(first, last)]
        return [search.ordinal_at(key) for *_, key in sorted(keys)[start - first : stop - first]]
