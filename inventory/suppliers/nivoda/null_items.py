"""Null items: identify the items that the supplier answers with null, and build their payloads.

A stored value that the supplier's schema does not allow is an error. If its field is non-null, the whole item is null. A
smaller selection still shows the item's id, so that the stone is quarantined under its id. The payload of such an item contains
the ids, the price, and the error under `$errors`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.errors import is_unshowable

NULL = b"null"
_MAX_TEXT_LENGTH = 200
_OFFER = "DIAMOND/"  # an offer's id is DIAMOND/<id of its stone>


class ShownStone(msgspec.Struct):
    """A stone in a smaller selection."""

    id: str | None = None


class Shown(msgspec.Struct):
    """An item in a smaller selection."""

    id: str | None = None
    price: Any = None
    diamond: ShownStone | None = None

    @property
    def stone_id(self) -> str | None:
        """Id of the stone, or derived from the offer's id if the stone is not shown."""
        if self.diamond is not None and self.diamond.id:
            return self.diamond.id
        return self.id.removeprefix(_OFFER) or None if self.id and self.id.startswith(_OFFER) else None


_shown = msgspec.json.Decoder(Shown)


def shown(item: msgspec.Raw) -> Shown:
    """Read an item of a smaller selection. An unreadable item has no values."""
    try:
        return _shown.decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Shown()


def reason(entry: ErrorEntry | None) -> str:
    """Format the reason of a null item as `field: message`."""
    if entry is None:
        return "item: the supplier answers with null"
    return f"{_field(entry)}: {_plain(entry.message or entry.code) or 'the supplier answers with null'}"


def _field(entry: ErrorEntry) -> str:
    """Return the known path of the error's field within its item."""
    if entry.below_item:
        return entry.below_item
    below = [str(part) for part in entry.path if part not in {"as", "get_diamond_by_id"}]
    return ".".join(below) if "get_diamond_by_id" in entry.path and below else "item"


def payload(item: Shown, entry: ErrorEntry | None) -> bytes:
    """Build the payload of a null item. Its price is the value by which the supplier counts it."""
    shown = {"id": item.id, "price": item.price if type(item.price) is int else None}
    made = {name: value for name, value in shown.items() if value is not None}
    return msgspec.json.encode({**made, "diamond": {"id": item.stone_id}, "$errors": [reason(entry)]})


def reported(errors: Any) -> str | None:
    """Read the reason from the `$errors` of such a payload."""
    if type(errors) is list and errors and type(errors[0]) is str:
        return errors[0]
    return None


class Match(msgspec.Struct, frozen=True):
    """A null item found in a smaller selection. `certain`: it cannot be another stone."""

    item: Shown
    certain: bool


def match(
    nulls: Mapping[int, ErrorEntry | None],
    known: Sequence[str | None],
    found: Sequence[Shown],
    prices: Sequence[int | None],
) -> dict[int, Match]:
    """Match the null items of a page with the same page in a smaller selection.

    `nulls`: error by position. `known`: stone id by position, None for null items. `prices`: in cents, by position. The supplier
    may order stones of equal price differently each time, and the feed may have changed. So a match is certain only if the
    error is permanent, all other items have kept their positions, and the price is strictly between the first and last price
    of the page: a stone at those prices may come from another page.
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
    """Remove control characters and halves of surrogate pairs, and bound the length."""
    kept = "".join(char if char.isprintable() else " " for char in text[: 2 * _MAX_TEXT_LENGTH])
    return " ".join(kept.split())[:_MAX_TEXT_LENGTH]
