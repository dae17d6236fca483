"""Set of the listings that a query has shown, by offer. The proof compares its size with the supplier's count."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence

from sync.planning.listing import Listing

Inside = Callable[[Listing], bool]


class KnownListings:
    """Listings by offer, and unidentified items.

    An unidentified item has no id. Its key is its position, and its price is that of a neighbour. An item that moved
    between two pages is noted at two positions, until `settle` replaces the notes by the items of one complete reading.
    """

    def __init__(self) -> None:
        self._listings: dict[int, Listing] = {}
        self._stones: Counter[int] = Counter()
        self._unidentified: dict[Hashable, int | None] = {}
        self._noted: set[Hashable] = set()
        # Whether the supplier counts a stone with two offers once; None before it is known.
        self.counts_stones: bool | None = None
        # Offers by price, and the prices in order; built for the first query of a range. Most prices have one offer, for which
        # a list takes a third of the memory of a set.
        self._by_price: dict[int, list[int]] | None = None
        self._prices: list[int] = []

    def __len__(self) -> int:
        """Number of listings, unidentified items included."""
        return len(self._listings) + len(self._unidentified)

    def __contains__(self, offer: int) -> bool:
        return offer in self._listings

    def __iter__(self) -> Iterator[Listing]:
        return iter(self._listings.values())

    @property
    def unidentified(self) -> int:
        """Number of unidentified items."""
        return len(self._unidentified)

    @property
    def unpriced(self) -> int:
        """Number of listings without a price, unidentified items next to them included."""
        return sum(listing.price is None for listing in self._listings.values()) + sum(
            price is None for price in self._unidentified.values()
        )

    @property
    def noted_prices(self) -> Sequence[int]:
        """Prices (cents, ascending) of the neighbours of unidentified items that no complete reading has shown."""
        prices = {price for key, price in self._unidentified.items() if key in self._noted and price is not None}
        return sorted(prices)

    def matches(self, count: int) -> bool:
        """Whether the size of the set equals the supplier's count."""
        return count == (len(self._stones) + len(self._unidentified) if self.counts_stones else len(self))

    @property
    def doubly_offered(self) -> tuple[Listing, Listing] | None:
        """Two offers of one stone, both with price and weight; None if there are none."""
        if len(self._stones) == len(self._listings):
            return None
        first: dict[int, Listing] = {}
        for listing in self._listings.values():
            if self._stones[listing.stone] > 1 and listing.price is not None and listing.carats is not None:
                other = first.setdefault(listing.stone, listing)
                if other is not listing and other.carats == listing.carats:
                    return other, listing
        return None

    def missing(self, count: int) -> int:
        """Return the number of listings that the supplier counts and has not shown."""
        return max(0, count - len(self._stones) - len(self._unidentified) if self.counts_stones else count - len(self))

    def number(self, offers: Collection[int]) -> int:
        """Return the number that the supplier counts for these known offers."""
        return len({self._listings[offer].stone for offer in offers}) if self.counts_stones else len(offers)

    def add(self, listings: Iterable[Listing]) -> int:
        """Add listings and return the number of new ones. A newer version of an offer replaces an older one."""
        new = 0
        for listing in listings:
            held = self._listings.get(listing.offer)
            if held == listing:
                continue
            if held is None:
                new += 1
            else:
                self._drop(held)
            self._listings[listing.offer] = listing
            self._stones[listing.stone] += 1
            if self._by_price is not None:
                self._index(listing)
        return new

    def changes(self, listings: Iterable[Listing]) -> int:
        """Return the number of these listings that are new, or differ from the known ones."""
        return sum(self._listings.get(listing.offer) != listing for listing in listings)

    def note_unidentified(self, key: Hashable, price: int | None) -> None:
        """Add an unidentified item at a position, next to a listing of this price (cents)."""
        self._unidentified[key] = price
        self._noted.add(key)

    def settle(
        self, inside: Inside, low: int, high: int, shown: Collection[int], unidentified: Sequence[int | None]
    ) -> int:
        """Replace the known listings inside a range by those of a complete reading. Returns the number of differences.

        `inside`: the range, which is between the prices `low` and `high` in cents. `shown`: offers. `unidentified`: prices of
        the neighbours of unidentified items.
        """
        left = [listing for listing in self._between(low, high) if inside(listing) and listing.offer not in shown]
        for listing in left:
            self._drop(listing)
            del self._listings[listing.offer]
        before = [key for key, price in self._unidentified.items() if price is not None and low <= price <= high]
        for key in before:
            del self._unidentified[key]
        for number, price in enumerate(unidentified):
            self._unidentified[(low, high, number)] = price
        return len(left) + abs(len(unidentified) - len(before))

    def trim_unidentified(self, count: int) -> None:
        """Reduce the unidentified items to the count if every listing is known and only they are uncertain.

        An item without an id at the edge of two parts is noted by both.
        """
        keep = count - len(self._listings)
        if 0 <= keep <= len(self._unidentified):
            self._unidentified = dict(list(self._unidentified.items())[:keep])

    def settle_unpriced(self, shown: Collection[int], unidentified: int) -> int:
        """Replace the unpriced listings by those of a complete reading. Returns the number of differences."""
        left = [known for known in self._listings.values() if known.price is None and known.offer not in shown]
        for listing in left:
            self._drop(listing)
            del self._listings[listing.offer]
        before = [key for key, price in self._unidentified.items() if price is None]
        for key in before:
            del self._unidentified[key]
        for number in range(unidentified):
            self._unidentified[("unpriced", number)] = None
        return len(left) + abs(unidentified - len(before))

    def count(self, inside: Inside, low: int, high: int) -> int:
        """Count the listings inside a range between these prices (cents), including unidentified items."""
        near = sum(price is not None and low <= price <= high for price in self._unidentified.values())
        return near + self.number([listing.offer for listing in self._between(low, high) if inside(listing)])

    def prices(self, low: int, high: int) -> list[tuple[int, int]]:
        """Return (price in cents, number of listings) between two prices, ascending."""
        by_price = self._indexed()
        span = self._prices[bisect_left(self._prices, low) : bisect_right(self._prices, high)]
        return [(price, len(by_price[price])) for price in span if by_price[price]]

    def carats(self, low: int, high: int) -> list[int]:
        """Return the weights (thousandths of a carat) of the listings between two prices (cents), ascending."""
        return sorted(listing.carats for listing in self._between(low, high) if listing.carats is not None)

    def _between(self, low: int, high: int) -> list[Listing]:
        by_price = self._indexed()
        span = self._prices[bisect_left(self._prices, low) : bisect_right(self._prices, high)]
        return [self._listings[offer] for price in span for offer in by_price[price]]

    def _indexed(self) -> dict[int, list[int]]:
        if self._by_price is None:
            self._by_price = {}
            for listing in self._listings.values():
                if listing.price is not None:
                    self._by_price.setdefault(listing.price, []).append(listing.offer)
            self._prices = sorted(self._by_price)
        return self._by_price

    def _index(self, listing: Listing) -> None:
        if listing.price is None:
            return
        by_price = self._indexed()
        if listing.price not in by_price:
            by_price[listing.price] = []
            insort(self._prices, listing.price)
        by_price[listing.price].append(listing.offer)

    def _drop(self, listing: Listing) -> None:
        self._stones[listing.stone] -= 1
        if not self._stones[listing.stone]:
            del self._stones[listing.stone]
        if self._by_price is not None and listing.price is not None:
            self._by_price[listing.price].remove(listing.offer)
