"""Heatmap: how even the price bands of a plan are, and how many counts it needs, on the price spread of the live feed.

The limit of a band is the mean of all bands. The limit of the counts is what proves a given plan: each inner edge once, and
the total, the priced stones and the closing counts.
"""

import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Annotated

import msgspec

from benchmarks.figures import Figure, Pace, Report
from benchmarks.servers import Servers
from sandbox.supplier.spread import Prices
from sync.planning.heatmap import PriceRange
from sync.planning.partition import Plan
from sync.planning.planner import plan
from sync.planning.price_scale import HeldPrice

_TOTALS = 4  # everything, the priced stones, and both again at the end


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=2000, description="Stones of the feed.")] = 450_000
    bands: Annotated[int, msgspec.Meta(ge=2, description="Largest number of partitions.")] = 30
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same prices.")] = 1


QUICK = Options(stones=100_000)


async def measure(wanted: Options, servers: Servers) -> Report:
    """Plan a first run, and a later one with the prices of the inventory."""
    del servers
    cents = sorted(Prices().draw(random.Random(wanted.seed), wanted.stones))
    changed = sorted(Prices().draw(random.Random(wanted.seed + 1), wanted.stones))
    figures: list[Figure] = []
    details: dict[str, object] = {}
    for name, prices, held in (("first plan", cents, ()), ("later plan", changed, _held(cents))):
        begun = time.process_time()
        made = made_plan(prices, wanted.bands, held)
        details[f"{name}: CPU seconds"] = round(time.process_time() - begun, 4)
        figures += [_evenness(name, made), _counts(name, made)]
    return Report(figures=figures, details=details)


def made_plan(prices: Sequence[int], bands: int, held: Sequence[HeldPrice] = ()) -> Plan:
    """Plan a feed with these prices in cents, which must be sorted."""
    steps = plan(max_partitions=bands, held=held, by_origin=False)
    asked = next(steps)
    while True:
        try:
            asked = steps.send([_count(prices, one) for one in asked])
        except StopIteration as done:
            found: Plan = done.value
            return found


def _count(prices: Sequence[int], asked: PriceRange) -> int:
    low = 0 if asked.price_from is None else bisect_left(prices, asked.price_from * 100)
    high = len(prices) if asked.price_to is None else bisect_right(prices, asked.price_to * 100)
    return max(0, high - low)


def _held(cents: Sequence[int]) -> list[HeldPrice]:
    held: dict[int, list[int]] = {}
    for price in cents:
        dollars = -(-price // 100)
        counts = held.setdefault(dollars, [0, 0])
        counts[0] += 1
        counts[1] += price % 100 == 0
    return [HeldPrice(dollars, *counts) for dollars, counts in sorted(held.items())]


def _evenness(name: str, made: Plan) -> Figure:
    sizes = [band.planned for band in made.bands]
    return Figure(
        name=f"{name}, largest band",
        unit="stones",
        ours=Pace(max(sizes)),
        beside="the mean band",
        other=Pace(sum(sizes) / len(sizes)),
        smaller_is_better=True,
    )


def _counts(name: str, made: Plan) -> Figure:
    return Figure(
        name=f"{name}, counts",
        unit="requests",
        ours=Pace(made.counts_used),
        beside="each edge once",
        other=Pace(len(made.bands) - 1 + _TOTALS),
        smaller_is_better=True,
    )
