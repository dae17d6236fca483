"""Views: the stones that pass a filter, in one order, and pages of them."""

from collections.abc import Iterable
from random import Random

import msgspec

from sandbox.supplier import search
from sandbox.supplier.order import SortedKeys
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.stones import Stones


class View:
    """The stones that pass a filter, in one order."""

    def __init__(self, stones: Stones, wanted: Criteria, order: Order, named: Iterable[int] = ()) -> None:
        """`named`: the ordinals behind the ids and certificate numbers of the filter."""
        self.tests = search.tests(wanted, stones)
        self.key = search.sorting(order, stones)
        self._present = stones.present
        ordinals: Iterable[int] = named if wanted.named else range(len(stones))
        ordinals = [ordinal for ordinal in ordinals if ordinal < len(stones) and stones.present[ordinal]]
        for test in self.tests:
            ordinals = [ordinal for ordinal in ordinals if test(ordinal)]
        self.keys = SortedKeys(map(self.key, ordinals))

    def key_of(self, ordinal: int) -> int | None:
        """Where this stone stands in the view; None if it does not belong to it."""
        if not self._present[ordinal] or not all(test(ordinal) for test in self.tests):
            return None
        return self.key(ordinal)


class Found(msgspec.Struct, frozen=True):
    """A stretch of a view: what a search found."""

    keys: SortedKeys
    first: int
    count: int

    def page(self, offset: int, limit: int) -> list[int]:
        """The ordinals of a page."""
        start = self.first + offset
        return [search.ordinal_at(key) for key in self.keys.slice(start, min(start + limit, self.first + self.count))]

    def page_with_random_ties(self, offset: int, limit: int, random: Random) -> list[int]:
        """The ordinals of a page where stones that are equal in the order stand in a random one."""
        end = self.first + self.count
        start, stop = min(self.first + offset, end), min(self.first + offset + limit, end)
        if start == stop:
            return []
        (low,), (high,) = self.keys.slice(start, start + 1), self.keys.slice(stop - 1, stop)
        first = max(self.keys.rank(search.least_key(low)), self.first)
        last = min(self.keys.rank(search.least_key(high, after=True)), end)
        keys = [(search.least_key(key), random.random(), key) for key in self.keys.slice(first, last)]
        return [search.ordinal_at(key) for *_, key in sorted(keys)[start - first : stop - first]]
