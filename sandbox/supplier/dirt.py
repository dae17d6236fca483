"""The dirt in the feed, and the one place that says which of it can be understood.

A stone is usable if it shows a price that is a positive whole number of cents, a certificate with a positive number of
carats (a string that reads as a number counts, for both), no number or text that is out of all proportion, and nothing
that no database can store: NUL characters and lone surrogates. Everything else is unpleasant but bearable.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from sandbox.supplier.identity import mix
from sandbox.supplier.payload import Item

Path = tuple[str, ...]
Overrides = Mapping[Path, Any]

_CERTIFICATE = ("diamond", "certificate")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,99}(?:\.[0-9]{0,99})?|\.[0-9]{1,99})(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST = 1 << 63

MOST_CENTS = ((1 << 31) - 1) * 100
"""What a price filter reaches, a 32-bit number of dollars."""
MOST_CARATS = 10_000
_LEAST_CARATS = Decimal("0.0005")
_MOST_MEASURE = 2_000_000
_MEASURES = ("length", "width", "depth", "table", "depthPercentage")
_LONGEST_NAME = 200


class Kind(NamedTuple):
    """One sort of dirt: whether the stone stays usable, and what it overrides in the clean item."""

    usable: bool
    smear: Callable[[Item, Random], Overrides]


def _certificate(**fields: Any) -> Overrides:
    return {(*_CERTIFICATE, name): value for name, value in fields.items()}


def _diamond(**fields: Any) -> Overrides:
    return {("diamond", name): value for name, value in fields.items()}


def _measures_as_strings(item: Item, _random: Random) -> Overrides:
    certificate = item["diamond"]["certificate"]
    return _certificate(
        **{name: str(certificate[name]) for name in ("length", "width", "depth", "depthPercentage", "table")}
    )


def _lower_case(item: Item, _random: Random) -> Overrides:
    certificate = item["diamond"]["certificate"]
    names = ("shape", "color", "clarity", "cut", "lab", "polish", "symmetry")
    return _certificate(**{name: certificate[name].lower() for name in names if certificate[name]})


def _fancy(_item: Item, random: Random) -> Overrides:
    return _certificate(
        color=None,
        f_color=random.choice(("BROWN ORANGE", "Orange-Brown", "yellow", "Greenish Yellow", "PINK  purple", "")),
        f_intensity=random.choice(("Fancy Vivid", "fancy", "FANCY-DEEP", "", None)),
        f_overtone=random.choice(("None", "", "Pinkish", None)),
    )


def _nulls(_item: Item, random: Random) -> Overrides:
    diamond = ("supplier", "delivery_time", "image", "video", "eyeClean", "return_window", "supplierStockId")
    certificate = ("polish", "symmetry", "lab", "v360", "product_images", "product_videos", "floInt", "table", "girdle")
    return {
        **_diamond(**dict.fromkeys(random.sample(diamond, 4))),
        **_certificate(**dict.fromkeys(random.sample(certificate, 5))),
    }


def _out_of_range(_item: Item, random: Random) -> Overrides:
    return {("price",): _LARGEST + random.randrange(1_000_000)}


def _with(character: str) -> Callable[[Item, Random], Overrides]:
    def smear(item: Item, _random: Random) -> Overrides:
        number = item["diamond"]["certificate"]["certNumber"]
        return {
            **_certificate(certNumber=number[:5] + character + number[5:]),
            **_diamond(supplierStockId=f"S{character}1"),
        }

    return smear


KINDS: Mapping[str, Kind] = {
    # Unpleasant, yet all that matters can be understood.
    "price_as_string": Kind(True, lambda item, _: {("price",): str(item["price"])}),
    "carats_as_string": Kind(True, lambda item, _: _certificate(carats=str(item["diamond"]["certificate"]["carats"]))),
    "measures_as_strings": Kind(True, _measures_as_strings),
    "eye_clean": Kind(
        True,
        lambda _, random: _diamond(eyeClean=random.choice((True, False, "true", "YES ", "no", "90%", "E1", 1, ""))),
    ),
    "fluorescence": Kind(
        True,
        lambda _, random: _certificate(
            floInt=random.choice(("None", "NONE", "none", "Very Strong Blue", "Faint Yellow", "VSLT", "SLT", "-", "")),
            floCol=random.choice(("Blue", "", None)),
        ),
    ),
    "fancy_color": Kind(True, _fancy),
    "lower_case": Kind(True, _lower_case),
    "empty_strings": Kind(
        True,
        lambda *_: {
            **_diamond(milky="", mine_of_origin="", image="", eyeClean="", brown=""),
            **_certificate(polish="", symmetry="", girdle="", comments="", keyToSymbols="", lab="", floCol=""),
        },
    ),
    "nulls": Kind(True, _nulls),
    "unknown_shape": Kind(
        True, lambda _, random: _certificate(shape=random.choice(("HEXAGONAL STEP", "Lotus", "KITE-MODIFIED")))
    ),
    "unknown_field": Kind(
        True, lambda *_: {**_diamond(carbon_score={"value": 17}), **_certificate(blockchain_ref="0x5eed")}
    ),
    "unicode": Kind(
        True,
        lambda *_: {
            **_certificate(comments="Пинпойнты не показаны. 鑽石 ألماس e\u0301 💎\u200b"),
            **_diamond(mine_of_origin="Рудник «Мир», Якутия", supplierStockId="№ 7 Ω"),
        },
    ),
    # What it is, or what it costs, can't be told; or it can't be stored.
    "certificate_null": Kind(False, lambda *_: _diamond(certificate=None)),
    "carats_zero": Kind(False, lambda *_: _certificate(carats=0)),
    "carats_null": Kind(False, lambda *_: _certificate(carats=None)),
    "carats_text": Kind(False, lambda *_: _certificate(carats="N/A")),
    "price_null": Kind(False, lambda *_: {("price",): None}),
    "price_text": Kind(False, lambda *_: {("price",): "Price on request"}),
    "price_negative": Kind(False, lambda item, _: {("price",): -item["price"]}),
    "price_out_of_range": Kind(False, _out_of_range),
    "nul_character": Kind(False, _with("\x00")),
    "lone_surrogate": Kind(False, _with("\ud83d")),
}
USABLE = tuple(name for name, kind in KINDS.items() if kind.usable)
UNUSABLE = tuple(name for name, kind in KINDS.items() if not kind.usable)


def kind_of(seed: int, ordinal: int, share: float) -> str | None:
    """The dirt on a stone of the initial feed: None for all but `share` of them."""
    bits = mix(mix(seed & 0xFFFFFFFFFFFFFFFF) ^ (ordinal + 1))
    if (bits >> 32) >= share * (1 << 32):
        return None
    names = tuple(KINDS)
    return names[bits % len(names)]


def smear(kind: str, item: Item, seed: int) -> None:
    """Put this kind of dirt on a clean item; always the same for the same seed."""
    override(item, smears(kind, item, seed))


def smears(kind: str, item: Item, seed: int) -> Overrides:
    """What this kind of dirt overrides in a clean item."""
    return KINDS[kind].smear(item, Random(f"{kind}:{seed}"))


def override(item: Item, overrides: Overrides) -> None:
    """Write values into an item in place; what lies below a value that is not an object any more is left out."""
    for (*parents, name), value in overrides.items():
        target: Any = item
        for parent in parents:
            target = target.get(parent) if isinstance(target, dict) else None
        if isinstance(target, dict):
            target[name] = value


def read_price(value: Any) -> int | None:
    """The number that a price shows, whatever it is worth; None if it shows none."""
    number = _read_number(value)
    return int(number) if number is not None and number == number.to_integral_value() else None


def read_carats(value: Any) -> Decimal | None:
    """The positive number of carats that is shown; None if none is."""
    carats = _read_number(value)
    return carats if carats is not None and carats > 0 else None


def _read_number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    return Decimal(text) if isinstance(value, int) or _NUMBER.fullmatch(text) else None


def usable(item: Item) -> bool:
    """Whether this item can be understood and stored."""
    price = read_price(item.get("price"))
    diamond: Any = item.get("diamond")
    if not isinstance(diamond, dict):
        return False
    certificate = diamond.get("certificate")
    if price is None or not 0 < price <= MOST_CENTS or not isinstance(certificate, dict):
        return False
    carats = read_carats(certificate.get("carats"))
    measures = (_read_number(certificate.get(name)) for name in _MEASURES)
    ids = (item.get("id"), diamond.get("HoldId"))  # kept unchanged, spaces included
    names = (certificate.get("certNumber"), certificate.get("lab"))
    return (
        carats is not None
        and _LEAST_CARATS <= carats <= MOST_CARATS
        and all(measure is None or measure <= _MOST_MEASURE for measure in measures)
        and all(not isinstance(name, str) or not name.strip() or len(name) <= _LONGEST_NAME for name in ids)
        and all(not isinstance(name, str) or len(name.strip()) <= _LONGEST_NAME for name in names)
        and storable(item)
    )


def storable(value: Any) -> bool:
    """Whether a database can keep this value: no NUL, no lone surrogate."""
    match value:
        case str():
            return _UNSTORABLE.search(value) is None
        case bool() | float() | int() | None:
            return True
        case dict():
            return all(storable(name) and storable(part) for name, part in value.items())
        case list():
            return all(map(storable, value))
    return False
