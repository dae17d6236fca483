"""A stone that does not show what its record says: dirty from the beginning, or overridden through the control port."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.supplier import dirt
from sandbox.supplier.payload import Item
from sandbox.supplier.stones import BEYOND, FANCY, HAS_IMAGE, HAS_V360, LAB_GROWN, NO_CARATS, NO_PRICE, Record, Stones
from sandbox.supplier.vocabulary import Words

_MOST_CARATS = (1 << 32) - 1


class Special:
    """What lies between the clean record and what is shown. The columns of such a stone hold what is shown."""

    def __init__(self, clean: Record, seed: int, kind: str | None = None) -> None:
        self.clean = clean
        self.overrides: dict[dirt.Path, Any] = {}
        self.usable = True
        self._seed = seed
        self._kind = kind

    def show(self, item: Item) -> Item:
        """Make the clean item dirty, in place."""
        if self._kind is not None:
            dirt.smear(self._kind, item, self._seed)
        dirt.override(item, self.overrides)
        return item

    def settle(self, item: Item) -> None:
        """Turn the dirt into plain overrides, which can then be lifted one by one. `item`: the clean one."""
        if self._kind is not None:
            self.overrides = {**dirt.smears(self._kind, item, self._seed), **self.overrides}
            self._kind = None


def read(item: Item, clean: Record, stones: Stones) -> Record:
    """The record that an item shows, as far as it shows one."""
    diamond = item["diamond"] if isinstance(item["diamond"], dict) else {}
    certificate = diamond.get("certificate")
    if not isinstance(certificate, dict):
        certificate = {}
    shown = dirt.read_price(item["price"])
    carats = dirt.read_carats(certificate.get("carats"))
    return Record(
        price=NO_PRICE if shown is None else max(min(shown, BEYOND), 1 - BEYOND),
        carats=NO_CARATS if carats is None else min(_thousandths(carats), _MOST_CARATS),
        shape=_number(stones.shapes, certificate.get("shape")),
        color=_number(stones.colors, certificate.get("color")),
        clarity=_number(stones.clarities, certificate.get("clarity")),
        cut=_number(stones.cuts, certificate.get("cut")),
        availability=_number(stones.availabilities, diamond.get("availability")),
        flags=(LAB_GROWN if certificate.get("labgrown") is True else 0)
        | (HAS_IMAGE if diamond.get("image") else 0)
        | (HAS_V360 if certificate.get("v360") else 0)
        | (clean.flags & FANCY),
        discount=clean.discount,
    )


def _thousandths(carats: Decimal) -> int:
    return int((carats * 1000).to_integral_value(ROUND_HALF_UP))


def _number(words: Words, shown: Any) -> int:
    if not isinstance(shown, str) or not shown or not dirt.storable(shown):
        return Words.NONE
    known = words.find(shown.upper())
    return words.number(shown) if known is None else known
