"""Special stone: bad values from the start, or overrides by the control API, in place of values of the record."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from graphql import GraphQLError, GraphQLFloat, GraphQLInt

from sandbox.supplier import bad_values
from sandbox.supplier.payload import Item
from sandbox.supplier.stones import HAS_IMAGE, HAS_V360, NO_CARATS, NO_PRICE, Record, Stones
from sandbox.supplier.vocabulary import Words


class Special:
    """Difference between the record of a stone and its served item.

    The columns of a special stone are its entry in the search index. The entry has the served values if they are valid;
    an invalid price and the origin are taken from the record. `indexed`: False for an entry without a price.
    """

    def __init__(self, clean: Record, seed: int, kind: str | None = None) -> None:
        self.clean = clean
        self.overrides: dict[bad_values.Path, Any] = {}
        self.usable = True
        self.shown_price: int | None = None
        self.indexed = True
        self._seed = seed
        self._kind = kind

    def apply_to(self, item: Item) -> Item:
        """Write the bad values and overrides into the item of the record, in place."""
        if self._kind is not None:
            bad_values.override(item, bad_values.values_of(self._kind, item, self._seed))
        bad_values.override(item, self.overrides)
        return item

    def bad_values_to_overrides(self, item: Item) -> None:
        """Convert the bad values to overrides, which can be removed one by one. `item`: the item of the record."""
        if self._kind is not None:
            self.overrides = {**bad_values.values_of(self._kind, item, self._seed), **self.overrides}
            self._kind = None

    def index(self, item: Item, stones: Stones) -> Record:
        """Make the entry in the search index for a served item, and store the served price."""
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
    """Convert a price to an Int. Returns None for any other value."""
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
