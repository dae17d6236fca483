"""Inventory: the stones of the feed, found by any filter in any order while stones change.

Every search with a new filter makes a view (the matching keys in order) and a few views are kept; a change moves one
stone in each of them. So counts and deep pages cost microseconds, and a price band is two places in a view.
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
from sandbox.supplier.views import Found, View

_VIEWS = 8
_BY_PRICE = Order("price")
_ITEM = ServedSchema(SchemaOptions()).object_type("DiamondItem")


class Inventory:
    """The stock. `seed` decides all that is not real.

    `bad_data_share` of the first `count` stones have bad values from the beginning; `generated` stones of the assortment
    follow, without bad values. `media_url`: what the addresses of pictures, films and certificates begin with.
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
        # Further offers of a stone: rows with an offer id and a price that differ and everything else of the first offer.
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
            if order.type == "none":
                return self._by_id
        if wanted.named:
            named = wanted.candidates()
            further = {offer for ordinal in named for offer in self._further_offers.get(ordinal, ())}
            return View(self.stones, wanted, order, named | further)  # as quick to make as to find
        view = self._views.get((wanted, order))
        if view is None:
            view = self._views[wanted, order] = View(self.stones, wanted, order)
            if len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end((wanted, order))
        return view

    def item(self, ordinal: int) -> tuple[Item, bool]:
        """The stored values of an item, and whether they may break the schema: bad values or overrides."""
        first = self._first_offers.get(ordinal)
        item = self.clean_item(ordinal)
        below = False
        if first is not None:
            shown, below = self.item(first)
            item["diamond"] = shown["diamond"]
        special = self._specials.get(ordinal)
        return (item, below) if special is None else (special.show(item), True)

    def served_item(self, ordinal: int) -> Item | None:
        """The item in a response with all fields of the schema; None where a null propagates to it."""
        served: Item | None = complete_whole(_ITEM, self.item(ordinal)[0])
        return served

    def clean_item(self, ordinal: int) -> Item:
        """The item as the stone's record says."""
        special = self._specials.get(ordinal)
        return self._payloads.item(ordinal, self.stones.record(ordinal) if special is None else special.clean)

    def is_special(self, ordinal: int) -> bool:
        return ordinal in self._specials

    def find(self, ordinal: int | None) -> int | None:
        """The ordinal, if such a stone is in the feed now."""
        return ordinal if ordinal is not None and ordinal < len(self.stones) and self.stones.present[ordinal] else None

    def first_offer(self, ordinal: int) -> int:
        """The ordinal of a stone's first offer, which is the stone's own."""
        return self._first_offers.get(ordinal, ordinal)

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

    def override(
        self,
        ordinal: int,
        overrides: Mapping[bad_values.Path, Any],
        lift: Iterable[bad_values.Path] = (),
        *,
        indexed: bool | None = None,
    ) -> None:
        """Let a stone show other values than its own at these places, and its own again at those to lift.

        `indexed`: whether ranges of prices find it; None leaves that as it is.
        """
        with self._moving(ordinal):
            clean = self.stones.record(ordinal)
            special = self._specials.setdefault(ordinal, Special(clean, ordinal))
            special.settle(self.clean_item(ordinal))
            special.overrides.update(overrides)
            special.indexed = special.indexed if indexed is None else indexed
            for path in lift:
                special.overrides.pop(path, None)
            self._read_special(ordinal)

    def restore(self, ordinal: int) -> None:
        """Let a stone show the values of its record everywhere, and be found by them."""
        with self._moving(ordinal):
            special = self._specials.pop(ordinal, None)
            if special is not None:
                self.stones.write(ordinal, special.clean)

    def set_indexed(self, ordinal: int, *, indexed: bool) -> None:
        """Let a stone match ranges of prices, or none: its entry in the search index has no price then."""
        self.override(ordinal, {}, indexed=indexed)

    def add(self, count: int, seed: int) -> list[int]:
        """Put new, clean stones into the feed; returns their ordinals."""
        ordinals = spread.add(self.stones, count=count, seed=seed, now=self.now())
        self._arrive(ordinals)
        return ordinals

    def offer_again(self, ordinal: int, price: int) -> int:
        """Add a further offer of a stone, at another price; returns the offer's ordinal."""
        special = self._specials.get(ordinal)
        record = self.stones.record(ordinal) if special is None else special.clean
        offer = self.stones.append(record._replace(price=price), self.now(), self.now())
        self._first_offers[offer] = ordinal
        self._further_offers.setdefault(ordinal, []).append(offer)
        self._arrive([offer])
        return offer

    def _arrive(self, ordinals: Iterable[int]) -> None:
        for view in self._all_views():
            for ordinal in ordinals:
                key = view.key_of(ordinal)
                if key is not None:
                    view.keys.add(key)

    def remove(self, ordinal: int) -> None:
        """Take a stone with all its offers, or a further offer, out of the feed."""
        with self._moving(ordinal):
            self._set_present(ordinal, 0)

    def bring_back(self, ordinal: int) -> None:
        """Put a stone that was taken out back into the feed, as it was."""
        with self._moving(ordinal):
            self._set_present(ordinal, 1)

    def _set_present(self, ordinal: int, value: int) -> None:
        for one in (ordinal, *self._further_offers.get(ordinal, ())):
            self.stones.present[one] = value

    def _all_views(self) -> list[View]:
        return [self._by_id, self._by_price, *self._views.values()]

    @contextmanager
    def _moving(self, ordinal: int) -> Iterator[None]:
        further = self._further_offers.get(ordinal, ())
        moved = (ordinal, *further)
        before = [(view, one, view.key_of(one)) for view in self._all_views() for one in moved]
        try:
            yield
        finally:
            for one in further:  # the same stone, at another price
                price = self.stones.price[one]
                self.stones.write(one, self.stones.record(ordinal)._replace(price=price))
            for one in moved:
                self.stones.updated[one] = self.now()
            for view, one, old in before:
                new = view.key_of(one)
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
