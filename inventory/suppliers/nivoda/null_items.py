"""Items that the supplier answers with null: their place on the page, their id, and the reason.

A stored value that the supplier's schema does not allow becomes an error, and takes the whole item along where its field
can't be null. A smaller selection still shows the item's id, so that the stone is quarantined under its own id. The payload
that is kept for it is made here: the ids, the price, and the error under `$errors`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.errors import is_unshowable

NULL = b"null"
_LONGEST_TEXT = 200
_OFFER = "DIAMOND/"  # an offer's id is DIAMOND/<id of its stone>


class ShownStone(msgspec.Struct):
    """A stone in one of the smaller selections."""

    id: str | None = None


class Shown(msgspec.Struct):
    """An item in one of the smaller selections."""

    id: str | None = None
    price: Any = None
    diamond: ShownStone | None = None

    @property
    def stone_id(self) -> str | None:
        """The stone's id, from the offer's where the stone is not shown."""
        if self.diamond is not None and self.diamond.id:
            return self.diamond.id
        return self.id.removeprefix(_OFFER) or None if self.id and self.id.startswith(_OFFER) else None


_shown = msgspec.json.Decoder(Shown)


def shown(item: msgspec.Raw) -> Shown:
    """Read an item of a smaller selection; one that can't be read shows nothing."""
    try:
        return _shown.decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Shown()


def reason(entry: ErrorEntry | None) -> str:
    """What is wrong with a null item: `field: message`."""
    if entry is None:
        return "item: the supplier answers with null"
    return f"{_field(entry)}: {_plain(entry.message or entry.code) or 'the supplier answers with null'}"


def _field(entry: ErrorEntry) -> str:
    """The path of the error's field within its item, as far as it is known."""
    if entry.below_item:
        return entry.below_item
    below = [str(part) for part in entry.path if part not in {"as", "get_diamond_by_id"}]
    return ".".join(below) if "get_diamond_by_id" in entry.path and below else "item"


def payload(item: Shown, entry: ErrorEntry | None) -> bytes:
    """The payload that is kept for a null item. Its price tells in which band the supplier counts it."""
    shown = {"id": item.id, "price": item.price if type(item.price) is int else None}
    made = {name: value for name, value in shown.items() if value is not None}
    return msgspec.json.encode({**made, "diamond": {"id": item.stone_id}, "$errors": [reason(entry)]})


def reported(errors: Any) -> str | None:
    """The reason that a payload made by `payload` holds under `$errors`."""
    if type(errors) is list and errors and type(errors[0]) is str:
        return errors[0]
    return None


class Match(msgspec.Struct, frozen=True):
    """A null item that was found in a smaller selection. `certain`: no other stone can be meant."""

    item: Shown
    certain: bool


def match(
    nulls: Mapping[int, ErrorEntry | None],
    known: Sequence[str | None],
    found: Sequence[Shown],
    prices: Sequence[int | None],
) -> dict[int, Match]:
    """Which stones are behind the null items of a page, by the same page in a smaller selection.

    `nulls`: position to error. `known`: the stone's id at each position, None for the nulls. `prices`: likewise, in cents.
    The supplier may order stones of the same price differently each time, and the feed may have moved in between. So a
    stone is certain only if the error is a lasting one, all others stand where they stood, and its price lies between
    those of the page: a stone at the page's first or last price may have come from a neighbouring page.
    """
    others = {stone_id for stone_id in known if stone_id is not None}
    new = {place: item for place, item in enumerate(found) if item.stone_id and item.stone_id not in others}
    same_places = len(found) == len(known) and all(
        known[place] in (None, item.stone_id) for place, item in enumerate(found) if item.stone_id
    )
    if not same_places:
        pairs = zip(nulls, new.values(), strict=False)
        return {place: Match(item, certain=False) for place, item in pairs}
    on_page = [price for price in prices if price is not None]
    matches = {}
    for place, error in nulls.items():
        if (item := new.get(place)) is None:
            continue
        between = bool(on_page) and type(item.price) is int and on_page[0] < item.price < on_page[-1]
        lasting = error is not None and is_unshowable(error)
        matches[place] = Match(item, certain=between and lasting)
    return matches


def _plain(text: str) -> str:
    """A text without control characters and halves of surrogate pairs, bounded."""
    kept = "".join(char if char.isprintable() else " " for char in text[: 2 * _LONGEST_TEXT])
    return " ".join(kept.split())[:_LONGEST_TEXT]
