"""Schema-breaking items of the `bad_data` fault, as older versions and other deployments of the API send them."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from sandbox.supplier.bad_values import Overrides, certificate, diamond, override
from sandbox.supplier.payload import Item

Corruption = Callable[[Item, Random], Overrides]
_LARGEST = 1 << 63


def _measures_as_numbers(item: Item, _random: Random) -> Overrides:
    stored = item["diamond"]["certificate"]
    names = ("length", "width", "depth", "depthPercentage", "table")
    return certificate(**{name: float(stored[name]) for name in names})


def _lower_case(item: Item, _random: Random) -> Overrides:
    stored = item["diamond"]["certificate"]
    names = ("shape", "color", "clarity", "cut", "lab", "polish", "symmetry")
    return certificate(**{name: stored[name].lower() for name in names if stored[name]})


def _carats_as_text(item: Item, _random: Random) -> Overrides:
    return certificate(carats=str(item["diamond"]["certificate"]["carats"]))


USABLE_KINDS: Mapping[str, Corruption] = {
    "price_as_text": lambda item, _: {("price",): str(item["price"])},
    "carats_as_text": _carats_as_text,
    "measures_as_numbers": _measures_as_numbers,
    "eye_clean": lambda _, random: diamond(eyeClean=random.choice((True, False, 1))),
    "fluorescence": lambda _, random: certificate(
        floInt=random.choice(("None", "NONE", "none", "Very Strong Blue", "Faint Yellow", "VSLT", "-", "")),
        floCol=random.choice(("Blue", "", None)),
    ),
    "lower_case": _lower_case,
    "empty_texts": lambda *_: certificate(polish="", symmetry="", girdle="", lab="", floCol=""),
    "nulls": lambda *_: {**diamond(delivery_time=None), **certificate(polish=None, lab=None, table=None, color=None)},
    "old_availability": lambda _, random: diamond(availability=random.choice(("ON HOLD", "UNAVAILABLE", "available"))),
    "unknown_field": lambda *_: {**diamond(carbon_score={"value": 17}), **certificate(blockchain_ref="0x5eed")},
}
"""The stone stays usable: identity, price and weight are readable."""
UNUSABLE_KINDS: Mapping[str, Corruption] = {
    "certificate_null": lambda *_: diamond(certificate=None),
    "carats_zero": lambda *_: certificate(carats=0),
    "carats_null": lambda *_: certificate(carats=None),
    "carats_text": lambda *_: certificate(carats="N/A"),
    "price_null": lambda *_: {("price",): None},
    "price_text": lambda *_: {("price",): "Price on request"},
    "price_negative": lambda item, _: {("price",): -item["price"]},
    "price_out_of_range": lambda _, random: {("price",): _LARGEST + random.randrange(1_000_000)},
    "nul_character": lambda item, _: certificate(certNumber=item["diamond"]["certificate"]["certNumber"] + "\x00"),
    "lone_surrogate": lambda item, _: certificate(certNumber=item["diamond"]["certificate"]["certNumber"] + "\ud83d"),
}
"""The stone is not usable: its identity or price is unreadable, or a value cannot be stored."""
USABLE, UNUSABLE = tuple(USABLE_KINDS), tuple(UNUSABLE_KINDS)


def corrupt(kind: str, item: Item, seed: int) -> None:
    """Corrupt a clean item in place. The same seed gives the same result."""
    corruptions: Mapping[str, Corruption] = {**USABLE_KINDS, **UNUSABLE_KINDS}
    overrides: Any = corruptions[kind](item, Random(f"{kind}:{seed}"))
    override(item, overrides)
