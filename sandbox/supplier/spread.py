"""Stone source: real stones from a file, and generated stones with the price distribution of a live inventory.

The first 53,940 stones are the real stones in file order. Generated stones are drawn in blocks that are seeded by the
block's number, so a larger simulator begins with the stones of a smaller one.
"""

import csv
import gzip
import json
from array import array
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate, islice
from random import Random
from typing import Any, Literal

from sandbox.supplier.stones import FANCY, HAS_IMAGE, HAS_V360, LAB_GROWN, Record, Stones
from sandbox.supplier.vocabulary import (
    AVAILABILITY_WEIGHTS,
    CLARITIES,
    CLARITY_WEIGHTS,
    COLOR_WEIGHTS,
    COLORS,
    CUT_WEIGHTS,
    SHAPE_WEIGHTS,
    Words,
)

Spread = Literal["real", "density"]

_DATA = files("sandbox") / "data"
_REAL_CUTS = {"Ideal": 0, "Premium": 1, "Very Good": 2, "Good": 3, "Fair": 4}
_FANCY_COLOR = COLORS.index("FANCY")
_BLOCK = 4096
_CHEAPEST_CENTS = 4_000
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_SETTLED_DAYS, _SPREAD_DAYS, _OLDEST_DAYS = 2, 28, 400


class Prices:
    """Random prices (cents) with the distribution of a live inventory, including prices between two bands.

    The file counts stones per band of whole dollars. Its total is larger than the sum of the bands: prices such as 499.50
    belong to no band. Those prices are drawn from the 99 cents after a band's upper end.
    """

    def __init__(self) -> None:
        source = json.loads((_DATA / "nivoda-price-density.json").read_bytes())
        bands: list[tuple[int, int, int]] = [(low, high, count) for low, high, count in source["by_price_usd"]]
        counted = sum(count for *_, count in bands)
        missed = source["total"] - counted
        # Two entries per band: the whole-dollar span, and the gap after it with its share of the uncounted stones.
        self._spans = [
            span
            for low, high, _ in bands
            for span in ((max(low * 100, _CHEAPEST_CENTS), high * 100), (high * 100 + 1, high * 100 + 99))
        ]
        self._weights = list(accumulate(w for *_, count in bands for w in (count, count * missed / counted)))

    def draw(self, random: Random, count: int) -> list[int]:
        spans = random.choices(self._spans, cum_weights=self._weights, k=count)
        return [low + int((high - low + 1) * random.random()) for low, high in spans]


def fill(stones: Stones, *, count: int, seed: int, spread: Spread, start: int) -> None:
    """Append the first `count` stones. `start`: now, in microseconds since 1970; last changes are 2 to 30 days earlier."""
    real = _real_rows(count) if spread == "real" else []
    for first in range(0, count, _BLOCK):
        size = min(_BLOCK, count - first)
        drawn, random = _draw_block(seed, first)
        records = list(drawn[:size])
        for ordinal in range(first, min(first + size, len(real))):
            records[ordinal - first] = _real_record(stones, records[ordinal - first], real[ordinal])
        created, updated = instants(random, start, _BLOCK, size)
        extend(stones, records, created, updated)


def _draw_block(seed: int, first: int) -> tuple[Sequence[Record], Random]:
    """Draw a whole block even if only a part is needed, so that its stones do not depend on the total count."""
    records, state = _drawn_block(seed, first)
    random = Random()
    random.setstate(state)
    return records, random


@lru_cache(maxsize=1)  # a process with many small simulators draws the block once
def _drawn_block(seed: int, first: int) -> tuple[Sequence[Record], tuple[Any, ...]]:
    """Stones of a block, and the state of the random generator after the draw."""
    random = Random(f"{seed}:{first}")
    return _draw(random, _prices(), _BLOCK), random.getstate()


@lru_cache(maxsize=1)
def _prices() -> Prices:
    return Prices()


def instants(random: Random, start: int, drawn: int, size: int) -> tuple[list[int], list[int]]:
    """Creation and last change times of `size` stones, 2 to 30 days before `start`. `drawn`: change times to draw."""
    settled = start - _SETTLED_DAYS * _DAY
    updated = [settled - int(_SPREAD_DAYS * _DAY * random.random()) for _ in range(drawn)][:size]
    created = [u - int(_OLDEST_DAYS * _DAY * random.random()) for u in updated]
    return created, updated


def add(stones: Stones, *, count: int, seed: int, now: int) -> list[int]:
    """Append `count` new stones. Returns their ordinals."""
    first = len(stones)
    records = _draw(Random(f"add:{seed}:{first}"), Prices(), count)
    extend(stones, records, [now] * count, [now] * count)
    return list(range(first, first + count))


def _draw(random: Random, prices: Prices, count: int) -> list[Record]:
    def column(weights: Sequence[float]) -> list[int]:
        return random.choices(range(len(weights)), cum_weights=list(accumulate(weights)), k=count)

    cents = prices.draw(random, count)
    shapes, colors, clarities = column(SHAPE_WEIGHTS), column(COLOR_WEIGHTS), column(CLARITY_WEIGHTS)
    cuts, availabilities = column(CUT_WEIGHTS), column(AVAILABILITY_WEIGHTS)
    # Independent shares: 30 % lab-grown, 3 % without an image, 10 % without a 360° view, 2 % fancy-coloured.
    flags = [
        (LAB_GROWN if random.random() < 0.3 else 0)  # noqa: PLR2004 - shares, explained one line up
        | (HAS_IMAGE if random.random() < 0.97 else 0)  # noqa: PLR2004
        | (HAS_V360 if random.random() < 0.9 else 0)  # noqa: PLR2004
        | (FANCY if random.random() < 0.02 else 0)  # noqa: PLR2004
        for _ in range(count)
    ]
    discounts = [-int(9900 * random.random()) for _ in range(count)]
    return [
        Record(
            price,
            _carats(price, random.random(), grown=bool(flag & LAB_GROWN)),
            shape,
            _FANCY_COLOR if flag & FANCY else color,
            clarity,
            cut if shape == 0 else Words.NONE,  # only round stones have a cut grade
            availability,
            flag,
            discount,
        )
        for price, shape, color, clarity, cut, availability, flag, discount in zip(
            cents, shapes, colors, clarities, cuts, availabilities, flags, discounts, strict=True
        )
    ]


def _carats(cents: int, factor: float, *, grown: bool) -> int:
    """Weight in thousandths of a carat, in steps of ten. It grows with the price; lab-grown stones are 3 times as heavy."""
    carats: float = 0.55 * (cents / 100_000) ** 0.55 * (0.6 + factor) * (3 if grown else 1)
    return 10 * min(max(round(carats * 100), 30), 1501)


def _real_rows(count: int) -> list[dict[str, str]]:
    """Read at most `count` rows of the file."""
    with (
        (_DATA / "diamonds-53940.csv.gz").open("rb") as packed,
        gzip.open(packed, "rt", encoding="utf-8", newline="") as source,
    ):
        return list(islice(csv.DictReader(source), count))


def _real_record(stones: Stones, drawn: Record, row: dict[str, str]) -> Record:
    """Record with the values of the file row, completed by drawn values. The file's stones are natural, round, colourless."""
    for name, column in stones.measured.items():
        column.append(_hundredths(row[name]))
    return drawn._replace(
        price=int(row["price"]) * 100,
        carats=10 * _hundredths(row["carat"]),
        shape=0,
        color=COLORS.index(row["color"]),
        clarity=CLARITIES.index(row["clarity"]),
        cut=_REAL_CUTS[row["cut"]],
        flags=drawn.flags & ~(LAB_GROWN | FANCY),
    )


@lru_cache(10_000)  # the file has a few thousand different values
def _hundredths(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def extend(stones: Stones, records: Sequence[Record], created: Sequence[int], updated: Sequence[int]) -> None:
    """Append stones with creation and update times in microseconds since 1970."""
    for name, values in zip(Record._fields, zip(*records, strict=True), strict=True):
        column: array[int] = getattr(stones, name)
        column.extend(values)
    stones.created.extend(created)
    stones.updated.extend(updated)
    stones.present.extend([1] * len(records))
