"""Inventory: search, paging and changes of the stones in the feed.

A search with a new filter creates a view: the keys of the matching stones in order. The last 8 views are kept, and a
change moves the stone in each of them. Counts and deep pages take microseconds; a price band is a range of a view.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from inventory.core.clock import Clock, utc_now
from sandbox.supplier import assortment, bad_values, search, spread
from sandbox.supplier.completion import complete_whole
from sandbox.supplier.identity import offer_id, stone_id
from sandbox.supplier.payload import Item, Payloads
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema
from sandbox.supplier.special import Special
from sandbox.supplier.stones import LAB_GROWN, NO_CARATS, Record, Stones
from sandbox.supplier.views import View, ViewRange

_VIEWS = 8
_BY_PRICE = Order("price")
_ITEM = ServedSchema(SchemaOptions()).object_type("DiamondItem")


class Inventory:
    """Stones of the feed. `seed`: seed of all generated values.

    `bad_data_share`: share of the first `count` stones that have bad values from the start. `generated`: number of stones
    of the assortment after them, without bad values. `media_url`: URL prefix of pictures, films and certificates.
    """

    def __init__(
        self,
        *,
        count: int,
        seed: int = 1,
        spread_of: spread.Spread = "real",
        bad_data_share: float = 0.004,
        generated: int = 0,
        media_url: str = "https://media.sandbox.example",
        clock: Clock = utc_now,
    ) -> None:
        self.stones = Stones()
        self.clock = clock
        self._payloads = Payloads(self.stones, seed, media_url)
        self._specials: dict[int, Special] = {}
        # Additional offers of a stone: rows that differ from the first offer in offer id and price only.
        self._first_offers: dict[int, int] = {}
        self._further_offers: dict[int, list[int]] = {}
        spread.fill(self.stones, count=count, seed=seed, spread=spread_of, start=self.now())
        assortment.fill(self.stones, count=generated, seed=seed, start=self.now())
        for ordinal in range(count):
            kind = bad_values.kind_of(seed, ordinal, bad_data_share)
            if kind is not None:
                self._specials[ordinal] = Special(self.stones.record(ordinal), seed + ordinal, kind)
                self._read_special(ordinal)
        self._by_id = View(self.stones, Criteria(), Order())
        self._by_price = View(self.stones, Criteria(), _BY_PRICE)
        self._views: OrderedDict[tuple[Criteria, Order], View] = OrderedDict()

    def now(self) -> int:
        return search.micros(self.clock())

    # Queries of clients

    def search(self, filters: Criteria, order: Order = _BY_PRICE) -> ViewRange:
        """Find the stones that match the filters, in order."""
        band = filters.price if order.type == "price" else None
        view = self._view(msgspec.structs.replace(filters, price=None) if band else filters, order)
        if band is None:
            return ViewRange(view.keys, 0, len(view.keys))
        low, high = search.price_bounds(band, descending=order.descending)
        first = view.keys.rank(low)
        return ViewRange(view.keys, first, max(view.keys.rank(high) - first, 0))

    def _view(self, filters: Criteria, order: Order) -> View:
        if filters == Criteria() and not order.descending:
            if order.type == "price":
                return self._by_price
            if order.type == "none":
                return self._by_id
        if filters.named:
            named = filters.candidates()
            further = {offer for ordinal in named for offer in self._further_offers.get(ordinal, ())}
            return View(self.stones, filters, order, named | further)  # not cached: it is small
        view = self._views.get((filters, order))
        if view is None:
            view = self._views[filters, order] = View(self.stones, filters, order)
            if len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end((filters, order))
        return view

    def item(self, ordinal: int) -> tuple[Item, bool]:
        """Stored values of an item, and whether they may break the schema (bad values or overrides)."""
        first = self._first_offers.get(ordinal)
        item = self.clean_item(ordinal)
        below = False
        if first is not None:
            shown, below = self.item(first)
            item["diamond"] = shown["diamond"]
        special = self._specials.get(ordinal)
        return (item, below) if special is None else (special.apply_to(item), True)

    def served_item(self, ordinal: int) -> Item | None:
        """The item as served with all fields of the schema. Returns None if a null propagates to the item."""
        served: Item | None = complete_whole(_ITEM, self.item(ordinal)[0])
        return served

    def clean_item(self, ordinal: int) -> Item:
        """The item made from the stone's record only."""
        special = self._specials.get(ordinal)
        return self._payloads.item(ordinal, self.stones.record(ordinal) if special is None else special.clean)

    def is_special(self, ordinal: int) -> bool:
        return ordinal in self._specials

    def find(self, ordinal: int | None) -> int | None:
        """Return the ordinal if the stone is in the feed, otherwise None."""
        return ordinal if ordinal is not None and ordinal < len(self.stones) and self.stones.present[ordinal] else None

    def first_offer(self, ordinal: int) -> int:
        """Ordinal of the first offer of a stone, which is the ordinal of the stone."""
        return self._first_offers.get(ordinal, ordinal)

    def returnable(self, ordinal: int) -> bool:
        return self._payloads.returnable(ordinal)

    def availability(self, ordinal: int) -> str | None:
        return self.stones.availabilities.word(self.stones.availability[ordinal])

    # Ground truth

    def truth(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """A page of the ground truth, ordered by id."""
        return [self._row(search.ordinal_at(key)) for key in self._by_id.keys.slice(offset, offset + limit)]

    def summary(self) -> dict[str, int]:
        """Totals: `stones` in the feed, `usable` stones, and `price_sum` (cents) of the usable stones."""
        stones = self.stones
        present = [o for o in range(len(stones)) if stones.present[o] and self.usable(o)]
        price_sum = sum(stones.price[ordinal] for ordinal in present)
        return {"stones": len(self._by_id.keys), "usable": len(present), "price_sum": price_sum}

    def usable(self, ordinal: int) -> bool:
        special, first = self._specials.get(ordinal), self.first_offer(ordinal)
        return (special is None or special.usable) and (first == ordinal or self.usable(first))

    def _row(self, ordinal: int) -> dict[str, Any]:
        stones = self.stones
        special = self._specials.get(ordinal)
        carats = stones.carats[ordinal]
        return {
            "id": stone_id(self.first_offer(ordinal)),
            "offer_id": offer_id(ordinal),
            "price": stones.price[ordinal] if special is None else special.shown_price,
            "carats": None if carats in {0, NO_CARATS} else carats / 1000,
            "shape": stones.shapes.word(stones.shape[ordinal]),
            "color": stones.colors.word(stones.color[ordinal]),
            "clarity": stones.clarities.word(stones.clarity[ordinal]),
            "availability": stones.availabilities.word(stones.availability[ordinal]),
            "labgrown": bool(stones.flags[ordinal] & LAB_GROWN),
            "usable": self.usable(ordinal),
        }

    # Changes

    def assign(self, ordinal: int, record: Callable[[Record], Record], lift: Iterable[bad_values.Path] = ()) -> None:
        """Change a stone's record, remove the overrides of the `lift` paths, and set the update time to now."""
        with self._reindexing(ordinal):
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

    def override(
        self,
        ordinal: int,
        overrides: Mapping[bad_values.Path, Any],
        lift: Iterable[bad_values.Path] = (),
        *,
        indexed: bool | None = None,
    ) -> None:
        """Add overrides to a stone, and remove the overrides of the `lift` paths.

        `indexed`: whether price ranges match the stone; None keeps the current setting.
        """
        with self._reindexing(ordinal):
            clean = self.stones.record(ordinal)
            special = self._specials.setdefault(ordinal, Special(clean, ordinal))
            special.bad_values_to_overrides(self.clean_item(ordinal))
            special.overrides.update(overrides)
            special.indexed = special.indexed if indexed is None else indexed
            for path in lift:
                special.overrides.pop(path, None)
            self._read_special(ordinal)

    def restore(self, ordinal: int) -> None:
        """Remove all overrides and bad values of a stone, and index it by its record."""
        with self._reindexing(ordinal):
            special = self._specials.pop(ordinal, None)
            if special is not None:
                self.stones.write(ordinal, special.clean)

    def set_indexed(self, ordinal: int, *, indexed: bool) -> None:
        """Include a stone in price ranges, or exclude it by an index entry without a price."""
        self.override(ordinal, {}, indexed=indexed)

    def add(self, count: int, seed: int) -> list[int]:
        """Add new stones without bad values to the feed. Returns their ordinals."""
        ordinals = spread.add(self.stones, count=count, seed=seed, now=self.now())
        self._index(ordinals)
        return ordinals

    def add_offer(self, ordinal: int, price: int) -> int:
        """Add another offer of a stone at a price in cents. Returns the ordinal of the offer."""
        special = self._specials.get(ordinal)
        record = self.stones.record(ordinal) if special is None else special.clean
        offer = self.stones.append(record._replace(price=price), self.now(), self.now())
        self._first_offers[offer] = ordinal
        self._further_offers.setdefault(ordinal, []).append(offer)
        self._index([offer])
        return offer

    def _index(self, ordinals: Iterable[int]) -> None:
        for view in self._all_views():
            for ordinal in ordinals:
                key = view.key_of(ordinal)
                if key is not None:
                    view.keys.add(key)

    def remove(self, ordinal: int) -> None:
        """Remove a stone with all its offers, or one additional offer, from the feed."""
        with self._reindexing(ordinal):
            self._set_present(ordinal, 0)

    def restore_removed(self, ordinal: int) -> None:
        """Restore a removed stone unchanged."""
        with self._reindexing(ordinal):
            self._set_present(ordinal, 1)

    def _set_present(self, ordinal: int, value: int) -> None:
        for offer in (ordinal, *self._further_offers.get(ordinal, ())):
            self.stones.present[offer] = value

    def _all_views(self) -> list[View]:
        return [self._by_id, self._by_price, *self._views.values()]

    @contextmanager
    def _reindexing(self, ordinal: int) -> Iterator[None]:
        further = self._further_offers.get(ordinal, ())
        moved = (ordinal, *further)
        before = [(view, offer, view.key_of(offer)) for view in self._all_views() for offer in moved]
        try:
            yield
        finally:
            for offer in further:  # the same record at the price of the offer
                price = self.stones.price[offer]
                self.stones.write(offer, self.stones.record(ordinal)._replace(price=price))
            for offer in moved:
                self.stones.updated[offer] = self.now()
            for view, offer, old in before:
                new = view.key_of(offer)
                if new != old:
                    if old is not None:
                        view.keys.remove(old)
                    if new is not None:
                        view.keys.add(new)

    def _read_special(self, ordinal: int) -> None:
        special = self._specials[ordinal]
        item, _ = self.item(ordinal)
        lab_grown = bool(special.clean.flags & LAB_GROWN)
        special.usable = bad_values.usable(self.served_item(ordinal), lab_grown=lab_grown)
        self.stones.write(ordinal, special.index(item, self.stones))
