"""A stone that does not show what its record says: bad values from the beginning, or overrides of the control API."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from graphql import GraphQLError, GraphQLFloat, GraphQLInt

from sandbox.supplier import bad_values
from sandbox.supplier.payload import Item
from sandbox.supplier.stones import HAS_IMAGE, HAS_V360, NO_CARATS, NO_PRICE, Record, Stones
from sandbox.supplier.vocabulary import Words


class Special:
    """The difference between the record of a stone and what it shows.

    The columns of such a stone are its entry in the search index: it holds what is shown as far as that is a value; the
    price and the origin are the record's where it is not. `indexed`: False for an entry without a price.
    """

    def __init__(self, clean: Record, seed: int, kind: str | None = None) -> None:
        self.clean = clean
        self.overrides: dict[bad_values.Path, Any] = {}
        self.usable = True
        self.shown_price: int | None = None
        self.indexed = True
        self._seed = seed
        self._kind = kind

    def show(self, item: Item) -> Item:
        """Put the stone's own values into the item of its record, in place."""
        if self._kind is not None:
            bad_values.override(item, bad_values.values_of(self._kind, item, self._seed))
        bad_values.override(item, self.overrides)
        return item

    def settle(self, item: Item) -> None:
        """Turn the bad values into plain overrides, which can then be lifted one by one. `item`: that of the record."""
        if self._kind is not None:
            self.overrides = {**bad_values.values_of(self._kind, item, self._seed), **self.overrides}
            self._kind = None

    def index(self, item: Item, stones: Stones) -> Record:
        """The entry in the search index of a stone that shows this item; keeps the shown price."""
        diamond = item["diamond"] if isinstance(item["diamond"], dict) else {}
        certificate = diamond.get("certificate")
        if not isinstance(certificate, dict):
            certificate = {}
        self.shown_price = price = _price(item["price"])
        indexed_price = self.clean.price if price is None or price < 0 else price
        return Record(
            price=indexed_price if self.indexed else NO_PRICE,
            carats=_carats(certificate.get("carats")),
            shape=_number(stones.shapes, certificate.get("shape")),
            color=_number(stones.colors, certificate.get("color")),
            clarity=_number(stones.clarities, certificate.get("clarity")),
            cut=_number(stones.cuts, certificate.get("cut")),
            availability=_number(stones.availabilities, diamond.get("availability")),
            flags=self.clean.flags & ~(HAS_IMAGE | HAS_V360)
            | (HAS_IMAGE if diamond.get("image") else 0)
            | (HAS_V360 if certificate.get("v360") else 0),
            discount=self.clean.discount,
        )


def _price(stored: Any) -> int | None:
    """The price that an Int carries; None for every other value."""
    try:
        return None if stored is None else GraphQLInt.coerce_output_value(stored)
    except GraphQLError:
        return None


def _carats(stored: Any) -> int:
    try:
        number = -1.0 if stored is None else GraphQLFloat.coerce_output_value(stored)
    except GraphQLError:
        return NO_CARATS
    thousandths = (Decimal(repr(number)) * 1000).to_integral_value(ROUND_HALF_UP)
    return int(thousandths) if 0 <= thousandths < NO_CARATS else NO_CARATS


def _number(words: Words, shown: Any) -> int:
    if not isinstance(shown, str) or not shown or not bad_values.storable(shown):
        return Words.NONE
    known = words.find(shown.upper())
    return words.number(shown) if known is None else known
