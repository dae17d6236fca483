"""Feed changes of the control API: seeded changes of random stones, and exact changes of one stone."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Literal, get_args

from sandbox.supplier import bad_values
from sandbox.supplier.identity import offer_id, ordinal_of, stone_id
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.payload import Item
from sandbox.supplier.stones import LAB_GROWN, Record
from sandbox.supplier.vocabulary import (
    AVAILABILITIES,
    AVAILABILITY_WEIGHTS,
    CLARITIES,
    CLARITY_WEIGHTS,
    COLOR_WEIGHTS,
    COLORS,
    Words,
)

Field = Literal["price", "availability", "carats", "color", "clarity", "discount"]
DriftKind = Literal["price", "availability", "add", "remove"]
FIELDS: tuple[Field, ...] = get_args(Field)

_CERTIFICATE = ("diamond", "certificate")
_PATHS: Mapping[str, bad_values.Path] = {
    "price": ("price",),
    "availability": ("diamond", "availability"),
    "carats": (*_CERTIFICATE, "carats"),
    "shape": (*_CERTIFICATE, "shape"),
    "color": (*_CERTIFICATE, "color"),
    "clarity": (*_CERTIFICATE, "clarity"),
    "labgrown": (*_CERTIFICATE, "labgrown"),
    "discount": ("discount",),
}
_MAX_DISCOUNT = 32_767
_MIN_DISCOUNT = -9_800


class Changes:
    """Seeded and exact changes of an inventory. Each change sets the stone's update time to now. Methods return stone ids."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def change(self, count: int, seed: int, fields: Sequence[Field]) -> list[str]:
        """Change all these fields of `count` usable stones to different values. New prices have cents."""
        random = Random(f"change:{seed}")
        chosen = self._choose(random, count, usable=True)
        for ordinal in chosen:
            self._change_fields(ordinal, random, fields)
        return [stone_id(ordinal) for ordinal in chosen]

    def add(self, count: int, seed: int) -> list[str]:
        return [stone_id(ordinal) for ordinal in self._inventory.add(count, seed)]

    def remove(self, count: int, seed: int) -> list[str]:
        chosen = self._choose(Random(f"remove:{seed}"), count)
        for ordinal in chosen:
            self._inventory.remove(ordinal)
        return [stone_id(ordinal) for ordinal in chosen]

    def remove_by_ids(self, ids: Sequence[str]) -> list[str]:
        """Remove these stones.

        Raises:
            KeyError: a stone is not in the feed (no stone is removed).
        """
        ordinals = list(dict.fromkeys(self._find(text) for text in ids))
        for ordinal in ordinals:
            self._inventory.remove(ordinal)
        return [stone_id(ordinal) for ordinal in ordinals]

    def restore_removed(self, ids: Sequence[str]) -> list[str]:
        """Restore removed stones. Stones that are in the feed are not changed.

        Raises:
            KeyError: a stone was never in the feed (no stone is restored).
        """
        ordinals = list(dict.fromkeys(self._find_former(text) for text in ids))
        for ordinal in ordinals:
            if not self._inventory.stones.present[ordinal]:
                self._inventory.restore_removed(ordinal)
        return [stone_id(ordinal) for ordinal in ordinals]

    def drift(self, random: Random, kind: DriftKind) -> str | None:
        """Make one change of this kind. Returns None if no stone is eligible."""
        if kind == "add":
            return stone_id(self._inventory.add(1, random.getrandbits(32))[0])
        chosen = self._choose(random, 1, usable=kind != "remove")
        for ordinal in chosen:
            if kind == "remove":
                self._inventory.remove(ordinal)
            else:
                self._change_fields(ordinal, random, (kind,))
        return stone_id(chosen[0]) if chosen else None

    def update(self, identity: str, values: Mapping[str, Any]) -> str:
        """Set values of a stone: in its record if they are valid there, otherwise as overrides of the served item.

        A valid value of a record's field is written to the record and removes an override of the field. Any other value
        or field becomes an override. A name with dots is a path in the item, which need not exist.

        Raises:
            KeyError: the stone is not in the feed, or the item has no such field.
        """
        ordinal = self._find(identity)
        item = self._inventory.clean_item(ordinal)
        paths = {name: _path(name, item) for name in values}
        setters: dict[bad_values.Path, Callable[[Record], Record]] = {}
        shown: dict[bad_values.Path, Any] = {}
        for name, value in values.items():
            setter = self._setter(name, value)
            if setter is None:
                shown[paths[name]] = value
            else:
                setters[paths[name]] = setter
        # Overrides first: they turn bad values into overrides, which a value of the record can then remove.
        if shown or self._inventory.is_special(ordinal):
            self._inventory.override(ordinal, shown)
        for path, setter in setters.items():
            self._inventory.assign(ordinal, setter, lift=(path,))
        return stone_id(ordinal)

    def set_indexed(self, identity: str, *, indexed: bool) -> str:
        """Include a stone in price ranges, or exclude it.

        Raises:
            KeyError: the stone is not in the feed.
        """
        ordinal = self._find(identity)
        self._inventory.set_indexed(ordinal, indexed=indexed)
        return stone_id(ordinal)

    def add_offer(self, identity: str, price: int) -> str:
        """Add another offer of a stone at a price in cents. Returns the id of the offer.

        Raises:
            KeyError: the stone is not in the feed.
        """
        ordinal = self._inventory.first_offer(self._find(identity))
        return offer_id(self._inventory.add_offer(ordinal, price))

    def restore(self, identity: str) -> str:
        """Remove all overrides and bad values of a stone.

        Raises:
            KeyError: the stone is not in the feed.
        """
        ordinal = self._find(identity)
        self._inventory.restore(ordinal)
        return stone_id(ordinal)

    def _find(self, identity: str) -> int:
        ordinal = self._inventory.find(ordinal_of(identity))
        if ordinal is None:
            raise KeyError(f"stone {identity!r} is not in the feed")
        return ordinal

    def _find_former(self, identity: str) -> int:
        ordinal = ordinal_of(identity)
        if ordinal is None or ordinal >= len(self._inventory.stones):
            raise KeyError(f"stone {identity!r} was never in the feed")
        return ordinal

    def _choose(self, random: Random, count: int, *, usable: bool = False) -> list[int]:
        """Draw at most `count` distinct stones of the feed."""
        inventory = self._inventory
        present = inventory.stones.present

        def eligible(ordinal: int) -> bool:
            if not present[ordinal] or inventory.first_offer(ordinal) != ordinal:
                return False
            return not usable or inventory.usable(ordinal)

        chosen: dict[int, None] = {}
        # Rejection sampling is fast while most rows are eligible. Otherwise draw from all eligible rows.
        for _ in range(4 * count):
            ordinal = random.randrange(len(present)) if present else 0
            if len(chosen) < count and present and eligible(ordinal):
                chosen[ordinal] = None
        if len(chosen) < count:
            remaining = [ordinal for ordinal in range(len(present)) if ordinal not in chosen and eligible(ordinal)]
            chosen |= dict.fromkeys(random.sample(remaining, min(count - len(chosen), len(remaining))))
        return list(chosen)

    def _change_fields(self, ordinal: int, random: Random, fields: Sequence[Field]) -> None:
        def record(old: Record) -> Record:
            new = {field: _different_value(field, old, random) for field in fields}
            return old._replace(**new)

        self._inventory.assign(ordinal, record, lift=[_PATHS[field] for field in fields])

    def _setter(self, name: str, value: Any) -> Callable[[Record], Record] | None:
        """Function that writes a value into a record. Returns None if the value is not valid in a record."""
        stones = self._inventory.stones
        words: Mapping[str, Words] = {
            "shape": stones.shapes,
            "color": stones.colors,
            "clarity": stones.clarities,
            "availability": stones.availabilities,
        }
        number: int | None = None
        match value:
            case bool():
                if name == "labgrown":
                    flag = LAB_GROWN if value else 0
                    return lambda record: record._replace(flags=record.flags & ~LAB_GROWN | flag)
            case int() if name == "price":
                number = value if 0 < value <= bad_values.MAX_CENTS else None
            case int() | float() if name == "carats":
                thousandths = Decimal(str(value)) * 1000
                whole = thousandths == thousandths.to_integral_value()
                number = int(thousandths) if whole and 0 < thousandths <= 1000 * bad_values.MAX_CARATS else None
            case int() | float() if name == "discount":
                number = int(value) if value == int(value) and abs(value) < _MAX_DISCOUNT else None
            case str() if name in words:
                number = words[name].find(value)
        return None if number is None else lambda record: record._replace(**{name: number})


def _different_value(field: Field, old: Record, random: Random) -> int:
    match field:
        case "price":
            price = max(100, int(old.price * random.uniform(0.9, 1.1)) // 100 * 100 + random.randrange(1, 100))
            return price + 1 if price == old.price else price
        case "carats":
            return old.carats + 10
        case "discount":
            return old.discount - random.randint(1, 99) if old.discount > _MIN_DISCOUNT else 0
        case "availability":
            return _different_word(AVAILABILITIES, AVAILABILITY_WEIGHTS, old.availability, random)
        case "color":
            return _different_word(COLORS, COLOR_WEIGHTS, old.color, random)
        case "clarity":
            return _different_word(CLARITIES, CLARITY_WEIGHTS, old.clarity, random)


def _different_word(words: Sequence[str], weights: Sequence[float], current: int, random: Random) -> int:
    """Draw the number of a different word. A known word is numbered by its position."""
    others = [number for number in range(len(words)) if number != current]
    return random.choices(others, [weights[number] for number in others])[0]


def _path(name: str, item: Item) -> bad_values.Path:
    if name in _PATHS:
        return _PATHS[name]
    if "." in name:
        return tuple(name.split("."))
    diamond: Item = item["diamond"]
    places: tuple[tuple[Item, bad_values.Path], ...] = (
        (item, ()),
        (diamond, ("diamond",)),
        (diamond["certificate"], _CERTIFICATE),
    )
    for place, prefix in places:
        if name in place and name != "id":
            return (*prefix, name)
    raise KeyError(f"an item has no field {name!r}; a name with dots is a path")
