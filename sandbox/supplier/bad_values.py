"""Bad values in the feed, and the definition of a usable stone.

A stone is usable if all conditions hold: a response with all fields can carry it; price and carats are positive; its flag
and growth type agree with its origin; no number or text exceeds its limit; a database can store its texts (no NUL
character, no lone surrogate).
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

CERTIFICATE = ("diamond", "certificate")
MAX_CENTS = (1 << 31) - 1
"""The largest price that an Int can carry."""
MAX_CARATS = 10_000
_MIN_CARATS = Decimal("0.0005")
_MAX_MEASURE = 2_000_000
_MEASURES = ("length", "width", "depth", "table", "depthPercentage")
_MAX_NAME_LENGTH = 200
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,99}(?:\.[0-9]{0,99})?|\.[0-9]{1,99})(?:[eE][+-]?[0-9]{1,3})?")


class Kind(NamedTuple):
    """A kind of bad values. `usable`: whether the stone stays usable; `values`: the overrides of an item's values."""

    usable: bool
    values: Callable[[Item, Random], Overrides]


def certificate(**fields: Any) -> Overrides:
    return {(*CERTIFICATE, name): value for name, value in fields.items()}


def diamond(**fields: Any) -> Overrides:
    return {("diamond", name): value for name, value in fields.items()}


def _measures(*forms: str) -> Callable[[Item, Random], Overrides]:
    """Write each measure in one of these formats; `{}` is the number."""

    def values(item: Item, random: Random) -> Overrides:
        stored = item["diamond"]["certificate"]
        return certificate(**{name: random.choice(forms).format(stored[name]) for name in _MEASURES})

    return values


def _lower_case(item: Item, _random: Random) -> Overrides:
    stored = item["diamond"]["certificate"]
    return certificate(**{name: stored[name].lower() for name in ("shape", "fullShape")})


def _fancy(_item: Item, random: Random) -> Overrides:
    return certificate(
        color="FANCY",
        f_color=random.choice(("BROWN ORANGE", "Orange-Brown", "yellow", "Greenish Yellow", "PINK  purple", "")),
        f_intensity=random.choice(("Fancy Vivid", "fancy", "FANCY-DEEP", "", None)),
        f_overtone=random.choice(("None", "", "Pinkish", None)),
    )


def _nulls(_item: Item, random: Random) -> Overrides:
    of_diamond = ("supplier", "image", "video", "eyeClean", "return_window", "supplierStockId", "approval_type")
    of_certificate = ("v360", "product_images", "product_videos", "floInt", "girdle", "keyToSymbols", "comments")
    return {
        **diamond(**dict.fromkeys(random.sample(of_diamond, 4))),
        **certificate(**dict.fromkeys(random.sample(of_certificate, 5))),
    }


def _unknown_enum_values(item: Item, random: Random) -> Overrides:
    growth = {"labgrown_type": random.choice(("cvd", "HPHT/CVD"))} if item["diamond"]["certificate"]["labgrown"] else {}
    return certificate(
        floInt=random.choice(("Very Strong Blue", "None", "SLIGHT", "FAINT")),
        country_of_origin=random.choice(("Botswana", "AUSTRALIA")),
        **growth,
    )


def _with(character: str) -> Callable[[Item, Random], Overrides]:
    def values(item: Item, _random: Random) -> Overrides:
        number = item["diamond"]["certificate"]["certNumber"]
        return {
            **certificate(certNumber=number[:5] + character + number[5:]),
            **diamond(supplierStockId=f"S{character}1"),
        }

    return values


KINDS: Mapping[str, Kind] = {
    # Unusual texts and missing nullable values: the stone stays usable.
    "measures_padded": Kind(True, _measures("{}0000", " {} ", "0{}")),
    "measures_unreadable": Kind(True, _measures("", "-", "null", "{} mm", "n/a")),
    "stock_id_for_certificate": Kind(
        True, lambda _, random: certificate(lab="NONE", certNumber=str(random.randrange(10**6, 10**8)))
    ),
    "eye_clean": Kind(
        True,
        lambda _, random: diamond(eyeClean=random.choice(("true", "YES ", "no", "90%", "E1", "1", "", "Borderline"))),
    ),
    "unknown_enum_values": Kind(True, _unknown_enum_values),
    "fancy_color": Kind(True, _fancy),
    "lower_case": Kind(True, _lower_case),
    "empty_texts": Kind(
        True,
        lambda *_: {
            **diamond(milky="", mine_of_origin="", image="", eyeClean="", brown=""),
            **certificate(girdle="", comments="", keyToSymbols="", floCol="", pdfUrl=""),
        },
    ),
    "nulls": Kind(True, _nulls),
    "unknown_shape": Kind(
        True, lambda _, random: certificate(shape=random.choice(("HEXAGONAL STEP", "Lotus", "KITE-MODIFIED")))
    ),
    "hidden_details": Kind(True, lambda *_: diamond(show_certificate_number=False, show_measurements=False)),
    "unicode": Kind(
        True,
        lambda *_: {
            **certificate(comments="Пинпойнты не показаны. 鑽石 ألماس e\u0301 💎\u200b", girdle="null"),
            **diamond(mine_of_origin="Рудник «Мир», Якутия", supplierStockId="№ 7 Ω"),
        },
    ),
    # The item becomes null if all fields are selected, or its price, weight or text is invalid.
    "certificate_null": Kind(False, lambda *_: diamond(certificate=None)),
    "carats_zero": Kind(False, lambda *_: certificate(carats=0)),
    "carats_null": Kind(False, lambda *_: certificate(carats=None)),
    "carats_negative": Kind(False, lambda item, _: certificate(carats=-item["diamond"]["certificate"]["carats"])),
    "unknown_lab": Kind(False, lambda _, random: certificate(lab=random.choice(("WGI", "Gia", "")))),
    "unknown_color": Kind(False, lambda _, random: certificate(color=random.choice(("D-E", "g", "K+", None)))),
    "price_zero": Kind(False, lambda *_: {("price",): 0}),
    "price_negative": Kind(False, lambda item, _: {("price",): -item["price"]}),
    "nul_character": Kind(False, _with("\x00")),
    "lone_surrogate": Kind(False, _with("\ud83d")),
}


def kind_of(seed: int, ordinal: int, share: float) -> str | None:
    """Choose the kind of bad values of a stone in the initial feed. Returns None for all but `share` of the stones."""
    bits = mix(mix(seed & 0xFFFFFFFFFFFFFFFF) ^ (ordinal + 1))
    if (bits >> 32) >= share * (1 << 32):
        return None
    names = tuple(KINDS)
    return names[bits % len(names)]


def values_of(kind: str, item: Item, seed: int) -> Overrides:
    """Overrides that this kind makes for an item. The same seed gives the same overrides."""
    return KINDS[kind].values(item, Random(f"{kind}:{seed}"))


def override(item: Item, overrides: Overrides) -> None:
    """Write values into an item in place. A path below a value that is not an object is ignored."""
    for (*parents, name), value in overrides.items():
        target: Any = item
        for parent in parents:
            below = target.get(parent) if isinstance(target, dict) else None
            if isinstance(below, dict):
                # Items share objects such as a company, so write into a copy.
                target[parent] = below = dict(below)
            target = below
        if isinstance(target, dict):
            target[name] = value


def usable(served: Item | None, *, lab_grown: bool) -> bool:
    """Whether an item, served with all fields, can be read and stored. `lab_grown`: the stone's true origin."""
    if served is None:
        return False
    of_diamond = served["diamond"]
    of_certificate = of_diamond["certificate"]
    carats = Decimal(repr(of_certificate["carats"]))
    measures = (_read_number(of_certificate[name]) for name in _MEASURES)
    ids = (served["id"], of_diamond["HoldId"])  # kept unchanged, spaces included
    names = (of_certificate["certNumber"], of_certificate["lab"])
    return (
        0 < served["price"] <= MAX_CENTS
        and _MIN_CARATS <= carats <= MAX_CARATS
        and _stated_origin(of_certificate) == {lab_grown}
        and all(measure is None or measure <= _MAX_MEASURE for measure in measures)
        and all(name is None or not name.strip() or len(name) <= _MAX_NAME_LENGTH for name in ids)
        and all(name is None or len(name.strip()) <= _MAX_NAME_LENGTH for name in names)
        and storable(served)
    )


def _stated_origin(of_certificate: Item) -> set[bool]:
    flag = of_certificate["labgrown"]
    return ({True} if of_certificate["labgrown_type"] else set()) | (set() if flag is None else {flag})


def _read_number(text: str) -> Decimal | None:
    return Decimal(text.strip()) if _NUMBER.fullmatch(text.strip()) else None


def storable(value: Any) -> bool:
    """Whether a database can store a value: no NUL, no lone surrogate."""
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
