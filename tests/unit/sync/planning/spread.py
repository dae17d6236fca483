"""Feeds for the planner: price distributions with the shapes of real ones."""

import csv
import gzip
import json
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from random import Random

from sync.planning.heatmap import PriceRange
from sync.planning.partition import Band, Dimension, Plan
from sync.planning.planner import Counting
from sync.planning.price_scale import HeldPrice

_DATA = Path(__file__).parents[4] / "sandbox" / "data"


class Spread:
    """Stone prices (cents) and a number of unpriced stones, counted by the supplier's rules. `grown`: lab-grown ones."""

    def __init__(self, cents: Iterable[int], unpriced: int = 0, grown: int = 0) -> None:
        self.cents = sorted(cents)
        self.unpriced = unpriced
        self.grown = grown

    def count(self, price: PriceRange) -> int:
        if price.price_from is price.price_to is None:
            whole = len(self.cents) + self.unpriced
            return {None: whole, True: self.grown, False: whole - self.grown}[price.lab_grown]
        first = 0 if price.price_from is None else bisect_left(self.cents, price.price_from * 100)
        end = len(self.cents) if price.price_to is None else bisect_right(self.cents, price.price_to * 100)
        return max(0, end - first)

    def read(self, band: Band) -> int:
        """Number of stones that a band's query returns."""
        return self.count(PriceRange(band.price_from, band.price_to))

    def inventory_prices(self) -> list[HeldPrice]:
        """The stones as the inventory reports them to the planner."""
        exact = Counter(cents // 100 for cents in self.cents if cents % 100 == 0)
        rounded_up = Counter(-(-cents // 100) for cents in self.cents)
        return [HeldPrice(dollars, stones, exact[dollars]) for dollars, stones in sorted(rounded_up.items())]

    def largest_tie(self) -> int:
        """The largest number of stones with one price."""
        return max(Counter(self.cents).values(), default=0)


def drive(planning: Counting, spread: Spread) -> Plan:
    """Answer the planner's counts, and check that it reports their number correctly."""
    counted = 0
    batch = next(planning)
    while True:
        assert batch, "an empty batch would be asked for ever"
        counted += len(batch)
        try:
            batch = planning.send([spread.count(price) for price in batch])
        except StopIteration as done:
            plan: Plan = done.value
            assert plan.counts_used == counted
            return plan


def balance(plan: Plan, spread: Spread) -> float:
    """The largest band divided by the mean, by the stones that the bands return, with edges that are read twice."""
    sizes = [spread.read(band) for band in plan.bands if band.kind == "band"]
    return max(sizes) * len(sizes) / sum(sizes)


@cache
def live_spread(kind: str) -> tuple[int, ...]:
    """437,849 prices in the bands of a live inventory. Their distribution within a band is an assumption, by `kind`."""
    random = Random(1)
    bands = json.loads((_DATA / "nivoda-price-density.json").read_text(encoding="utf-8"))["by_price_usd"]
    return tuple(_price(kind, low, high + 1, random) for low, high, stones in bands for _ in range(stones))


def _price(kind: str, low: int, end: int, random: Random) -> int:
    low = max(low, 40)
    if kind == "uniform":
        return random.randrange(low * 100, end * 100)
    cents = int(math.exp(random.uniform(math.log(low * 100), math.log(end * 100))))
    if kind == "clumped":
        return cents // 100 * 100 + random.choice([0, 0, 50, 99, 99, random.randrange(100)])
    if kind == "round":
        chance = random.random()
        if chance < 0.25:
            return max(low * 100, cents // 10_000 * 10_000)
        if chance < 0.4:
            return cents // 100 * 100
        if chance < 0.5:
            return max(low * 100, cents // 1_000 * 1_000 - 1)
    return cents


@cache
def real_spread(dimension: Dimension = "dollar_value") -> tuple[int, ...]:
    """The prices of 53,940 real stones, in whole dollars and with many ties; or their prices per carat, in cents."""
    with gzip.open(_DATA / "diamonds-53940.csv.gz", "rt", encoding="utf-8") as file:
        stones = [(int(row["price"]) * 100, float(row["carat"])) for row in csv.DictReader(file)]
    return tuple(cents if dimension == "dollar_value" else round(cents / carats) for cents, carats in stones)


def changed_prices(cents: Sequence[int], random: Random) -> list[int]:
    """Yesterday's feed: a few stones fewer, every tenth at another price."""
    kept = random.sample(cents, round(len(cents) * 0.97))
    return [price if random.random() < 0.9 else round(price * random.uniform(0.9, 1.1)) for price in kept]
