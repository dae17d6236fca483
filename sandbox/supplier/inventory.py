"""The supplier's stock: what is in the feed, found by any filter in any order, and kept so while stones change.

Every search with a new filter makes a view (the matching keys in order) and a few views are kept; a change moves one
stone in each of them. So counts and deep pages cost microseconds, and a price band is two places in a view.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from app.core.clock import Clock, utc_now
from sandbox.supplier import dirt, search, spread
from sandbox.supplier.identity import offer_id, stone_id
from sandbox.supplier.order import SortedKeys
from sandbox.supplier.payload import Item, Payloads
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.special import Special, read
from sandbox.supplier.stones import BEYOND, LAB_GROWN, NO_CARATS, NO_PRICE, Record, Stones

_VIEWS = 8
_BY_PRICE = Order("price")


class View:
    """The stones that pass a filter, in one order."""

    def __init__(self, stones: Stones, wanted: Criteria, order: Order) -> None:
        self.tests = search.tests(wanted, stones)
        self.key = search.sorting(order, stones)
        self._present = stones.present
        ordinals: Iterable[int] = wanted.candidates() if wanted.named else range(len(stones))
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


class Inventory:
    """The stock. `seed` decides everything that is not real, `dirt_share` of the stones are dirty from the beginning."""

    def __init__(
        self,
        *,
        count: int,
        seed: int = 1,
        spread_of: spread.Spread = "real",
        dirt_share: float = 0.004,
        clock: Clock = utc_now,
    ) -> None:
        self.stones = Stones()
        self.clock = clock
        self._payloads = Payloads(self.stones, seed)
        self._specials: dict[int, Special] = {}
        spread.fill(self.stones, count=count, seed=seed, spread=spread_of, start=self.now())
        for ordinal in range(count):
            kind = dirt.kind_of(seed, ordinal, dirt_share)
            if kind is not None:
                self._specials[ordinal] = Special(self.stones.record(ordinal), seed + ordinal, kind)
                self._read_special(ordinal)
        self._by_id = View(self.stones, Criteria(), Order())
        self._by_price = View(self.stones, Criteria(), _BY_PRICE)
        self._views: OrderedDict[tuple[Criteria, Order], View] = OrderedDict()

    def now(self) -> int:
        return search.micros(self.clock())

    # What a client sees

    def search(self, wanted: Criteria, order: Order = _BY_PRICE) -> Found:
        """The stones that a query matches, in order."""
        band = wanted.price if order.type == "price" else None
        view = self._view(msgspec.structs.replace(wanted, price=None) if band else wanted, order)
        if band is None:
            return Found(view.keys, 0, len(view.keys))
        low, high = search.price_bounds(band, descending=order.descending)
        first = view.keys.rank(low)
        return Found(view.keys, first, max(view.keys.rank(high) - first, 0))

    def _view(self, wanted: Criteria, order: Order) -> View:
        if wanted == Criteria() and not order.descending:
            if order.type == "price":
                return self._by_price
            if order.type == "id":
                return self._by_id
        if wanted.named:
            return View(self.stones, wanted, order)  # as quick to make as to find
        view = self._views.get((wanted, order))
        if view is None:
            view = self._views[wanted, order] = View(self.stones, wanted, order)
            if len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end((wanted, order))
        return view

    def item(self, ordinal: int) -> tuple[Item, bool]:
        """What the feed shows of a stone, and whether it is special: dirty or overridden, of any shape and type."""
        special = self._specials.get(ordinal)
        item = self.clean_item(ordinal)
        return (item, False) if special is None else (special.show(item), True)

    def clean_item(self, ordinal: int) -> Item:
        """What the feed would show of a stone if it were clean."""
        special = self._specials.get(ordinal)
        return self._payloads.item(ordinal, self.stones.record(ordinal) if special is None else special.clean)

    def is_special(self, ordinal: int) -> bool:
        return ordinal in self._specials

    def find(self, ordinal: int | None) -> int | None:
        """The ordinal, if such a stone is in the feed now."""
        return ordinal if ordinal is not None and ordinal < len(self.stones) and self.stones.present[ordinal] else None

    def returnable(self, ordinal: int) -> bool:
        return self._payloads.returnable(ordinal)

    def availability(self, ordinal: int) -> str | None:
        return self.stones.availabilities.word(self.stones.availability[ordinal])

    # The truth

    def truth(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """A page of what is really there, ordered by id."""
        return [self._row(search.ordinal_at(key)) for key in self._by_id.keys.slice(offset, offset + limit)]

    def summary(self) -> dict[str, int]:
        """`stones` in the feed, `usable` ones among them, and the sum of their prices in cents."""
        stones = self.stones
        present = [o for o in range(len(stones)) if stones.present[o] and self.usable(o)]
        price_sum = sum(stones.price[ordinal] for ordinal in present)
        return {"stones": len(self._by_id.keys), "usable": len(present), "price_sum": price_sum}

    def usable(self, ordinal: int) -> bool:
        special = self._specials.get(ordinal)
        return special is None or special.usable

    def _row(self, ordinal: int) -> dict[str, Any]:
        stones = self.stones
        price, carats = stones.price[ordinal], stones.carats[ordinal]
        return {
            "id": stone_id(ordinal),
            "offer_id": offer_id(ordinal),
            "price": None if price in {NO_PRICE, BEYOND} else price,
            "carats": None if carats == NO_CARATS else carats / 1000,
            "shape": stones.shapes.word(stones.shape[ordinal]),
            "color": stones.colors.word(stones.color[ordinal]),
            "clarity": stones.clarities.word(stones.clarity[ordinal]),
            "availability": stones.availabilities.word(stones.availability[ordinal]),
            "labgrown": bool(stones.flags[ordinal] & LAB_GROWN),
            "usable": self.usable(ordinal),
        }

    # Changes

    def assign(self, ordinal: int, record: Callable[[Record], Record], lift: Iterable[dirt.Path] = ()) -> None:
        """Give a stone other values, lift the overrides that would hide them, and stamp it as changed now."""
        with self._moving(ordinal):
            special = self._specials.get(ordinal)
            if special is None:
                self.stones.write(ordinal, record(self.stones.record(ordinal)))
                return
            special.clean = record(special.clean)
            for path in lift:
                special.overrides.pop(path, None)
            self._read_special(ordinal)

    def set_availability(self, ordinal: int, word: str) -> None:
        number = self.stones.availabilities.number(word)
        self.assign(ordinal, lambda record: record._replace(availability=number), [("diamond", "availability")])

    def override(self, ordinal: int, overrides: Mapping[dirt.Path, Any], lift: Iterable[dirt.Path] = ()) -> None:
        """Let a stone show other values than its own at these places, and its own again at those to lift."""
        with self._moving(ordinal):
            clean = self.stones.record(ordinal)
            special = self._specials.setdefault(ordinal, Special(clean, ordinal))
            special.settle(self.clean_item(ordinal))
            special.overrides.update(overrides)
            for path in lift:
                special.overrides.pop(path, None)
            self._read_special(ordinal)

    def restore(self, ordinal: int) -> None:
        """Make a stone clean: it shows its own values everywhere."""
        with self._moving(ordinal):
            special = self._specials.pop(ordinal, None)
            if special is not None:
                self.stones.write(ordinal, special.clean)

    def add(self, count: int, seed: int) -> list[int]:
        """Put new, clean stones into the feed; returns their ordinals."""
        ordinals = spread.add(self.stones, count=count, seed=seed, now=self.now())
        for view in self._all_views():
            for ordinal in ordinals:
                key = view.key_of(ordinal)
                if key is not None:
                    view.keys.add(key)
        return ordinals

    def remove(self, ordinal: int) -> None:
        """Take a stone out of the feed."""
        with self._moving(ordinal):
            self.stones.present[ordinal] = 0

    def bring_back(self, ordinal: int) -> None:
        """Put a stone that was taken out back into the feed, as it was."""
        with self._moving(ordinal):
            self.stones.present[ordinal] = 1

    def _all_views(self) -> list[View]:
        return [self._by_id, self._by_price, *self._views.values()]

    @contextmanager
    def _moving(self, ordinal: int) -> Iterator[None]:
        before = [(view, view.key_of(ordinal)) for view in self._all_views()]
        try:
            yield
        finally:
            self.stones.updated[ordinal] = self.now()
            for view, old in before:
                new = view.key_of(ordinal)
                if new != old:
                    if old is not None:
                        view.keys.remove(old)
                    if new is not None:
                        view.keys.add(new)

    def _read_special(self, ordinal: int) -> None:
        special = self._specials[ordinal]
        item, _ = self.item(ordinal)
        special.usable = dirt.usable(item)
        self.stones.write(ordinal, read(item, special.clean, self.stones))
