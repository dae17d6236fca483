"""In-memory supplier with Nivoda's counting and paging, and configurable misbehaviour."""

from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from typing import NamedTuple

import msgspec

from sync.planning.listing import Listing, PageView, SubQuery


class Item(NamedTuple):
    """A listing of the feed. `grown`: its origin, None for neither. `updated`: tick of its last change.

    `silent`: every page answers it with null.
    """

    offer: int
    stone: int
    price: int | None
    carats: int | None
    grown: bool | None = False
    updated: int = -1
    silent: bool = False


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """Misbehaviour of a supplier.

    `random_ties`: orders listings of one price randomly on every page. `hidden`: number of listings by which the pages
    of every query end early. `omit`, `repeat`: shares of the pages that omit an item, or repeat one and drop another
    one. `lost`: offers that no page shows. `cap`: maximum number of listings of a page. `bias`: factor of every count.
    `jitter`: largest relative error of a count, drawn for each request. `lag`: number of requests by which counts are
    stale. `exclusive`: price ranges exclude their ends. `counts_stones`: a stone that is offered twice counts once.
    `largest_offset`: largest accepted offset. `weighs`: weight ranges are supported.
    """

    random_ties: bool = False
    hidden: int = 0
    omit: float = 0
    repeat: float = 0
    lost: frozenset[int] = frozenset()
    cap: int = 1_000
    bias: float = 1
    jitter: float = 0
    lag: int = 0
    exclusive: bool = False
    counts_stones: bool = False
    largest_offset: int = 50_000
    unranged: frozenset[int] = frozenset()
    weighs: bool = True

    @property
    def shows_all(self) -> bool:
        """Whether the pages show every listing, in any order."""
        return not (self.hidden or self.omit or self.repeat or self.lost)

    @property
    def counts_right(self) -> bool:
        return self.bias == 1 and not self.jitter and not self.lag


class ModelSupplier:
    """The feed. `now` is the number of requests so far; `opened` is the tick at which the run started."""

    def __init__(self, seed: int, behaviour: Behaviour | None = None) -> None:
        self.random = Random(seed)
        self.behaviour = behaviour or Behaviour()
        self.items: dict[int, Item] = {}
        self.now = 0
        self.opened = 0
        self.counts = 0
        self.pages = 0
        self.shown = 0
        self.left: set[int] = set()
        self.touched: set[int] = set()
        self._ids = count(1)
        self._past: list[tuple[int, dict[int, Item]]] = []
        self._found: dict[SubQuery, list[Item]] = {}

    # The feed

    def add(
        self,
        price: int | None,
        carats: int | None = 1_000,
        *,
        grown: bool | None = False,
        stone: int = 0,
        silent: bool = False,
    ) -> int:
        """Add a listing. `stone`: add a second offer of an existing stone."""
        offer = next(self._ids)
        # The order of ids is independent of the order of arrival.
        offer = offer * 2_654_435_761 % 2**32
        self._remember()
        self.items[offer] = Item(offer, stone or offer, price, carats, grown, self.now, silent)
        self.touched.add(offer)
        return offer

    def fill(
        self, prices: Iterable[int | None], carats: Callable[[int], int | None] = lambda n: 300 + n * 7 % 2_000
    ) -> None:
        """Add listings at these prices that are older than the run."""
        for number, price in enumerate(prices):
            offer = self.add(price, carats(number), grown=number % 3 == 0)
            self.items[offer] = self.items[offer]._replace(updated=-1)
        self.settle()

    def settle(self) -> None:
        """Make all current listings older than the run."""
        self.touched.clear()
        self._past.clear()
        self._found.clear()

    def remove(self, offer: int) -> None:
        self._remember()
        del self.items[offer]
        self.left.add(offer)

    def reprice(self, offer: int, price: int | None) -> None:
        self._remember()
        self.items[offer] = self.items[offer]._replace(price=price, updated=self.now)
        self.touched.add(offer)

    def open(self) -> None:
        """Start a run now."""
        self.now += 1
        self.opened = self.now
        self._found.clear()

    def _remember(self) -> None:
        self._found.clear()
        if self.behaviour.lag:
            self._past.append((self.now, dict(self.items)))

    # Responses to queries

    def count(self, part: SubQuery) -> int:
        self.now += 1
        self.counts += 1
        found = self._matching(part, self._lagging())
        number = len({item.stone for item in found}) if self.behaviour.counts_stones else len(found)
        error = self.random.uniform(-self.behaviour.jitter, self.behaviour.jitter) if self.behaviour.jitter else 0
        return round(number * (self.behaviour.bias + error))

    def page(self, part: SubQuery, offset: int, limit: int) -> PageView:
        self.now += 1
        self.pages += 1
        how = self.behaviour
        assert offset <= how.largest_offset, "the supplier rejects this offset"
        found = [item for item in self._matching(part, self.items) if item.offer not in how.lost]
        tie = {item.offer: self.random.random() if how.random_ties else item.offer for item in found}
        found.sort(key=lambda item: (item.price is None, item.price or 0, tie[item.offer]))
        found = found[: max(0, len(found) - how.hidden)]
        page = found[offset : offset + min(limit, how.cap)]
        if page and self.random.random() < how.omit:
            del page[self.random.randrange(len(page))]
        if page and self.random.random() < how.repeat:
            place = self.random.randrange(len(page))
            page = [*page[: place + 1], page[place], *page[place + 1 :]][: len(page)]
        self.shown += len(page)
        return PageView(
            [Listing(*item[:4]) for item in page if not item.silent],
            [place for place, item in enumerate(page) if item.silent],
        )

    def _lagging(self) -> dict[int, Item]:
        if not self.behaviour.lag:
            return self.items
        then = self.now - self.behaviour.lag
        return next((items for changed, items in self._past if changed > then), self.items)

    def _matching(self, part: SubQuery, items: dict[int, Item]) -> list[Item]:
        if items is not self.items:
            return [item for item in items.values() if self._matches(part, item)]
        if part not in self._found:
            self._found[part] = [item for item in items.values() if self._matches(part, item)]
        return list(self._found[part])

    def _matches(self, part: SubQuery, item: Item) -> bool:
        assert self.behaviour.weighs or (part.carats_from is None and part.carats_to is None), "there is no such filter"
        return (
            (part.lab_grown is None or item.grown is part.lab_grown)
            and (part.changed is None or item.updated >= self.opened)
            and _weighs(part, item)
            and _crosses(part, item)
            and self._costs(part, item)
        )

    def _costs(self, part: SubQuery, item: Item) -> bool:
        if part.price_from is None and part.price_to is None:
            return True
        low = (part.price_from or 0) * 100
        high = (2**31 - 1 if part.price_to is None else part.price_to) * 100
        if item.price is None or item.offer in self.behaviour.unranged:
            return False
        return low < item.price < high if self.behaviour.exclusive else low <= item.price <= high


def _weighs(part: SubQuery, item: Item) -> bool:
    if part.carats_from is None and part.carats_to is None:
        return True
    low, high = (part.carats_from or 0) * 1000, part.carats_to
    return item.carats is not None and low <= item.carats and (high is None or item.carats <= high * 1000)


def _crosses(part: SubQuery, item: Item) -> bool:
    """The cross filter, in hundredths of a carat."""
    if part.cross_from is None or part.cross_to is None:
        return True
    return item.carats is not None and part.cross_from * 10 <= item.carats <= part.cross_to * 10
