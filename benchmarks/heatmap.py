"""Heatmap: largest price band of a plan and its number of count requests, with the price distribution of the live feed.

The limit of a band is the mean of all bands. The limit of the counts is the number that verifies a given plan: each inner
edge once, the total, the priced stones and the closing counts.
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

_TOTALS = 4  # all stones and the priced stones, at the start and at the end


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=2000, description="Stones of the feed.")] = 450_000
    bands: Annotated[int, msgspec.Meta(ge=2, description="Largest number of partitions.")] = 30
    seed: Annotated[int, msgspec.Meta(description="Random seed of the prices.")] = 1


QUICK = Options(stones=100_000)


async def measure(options: Options, servers: Servers) -> Report:
    """Plan a first run, and a later run that uses the prices of the inventory."""
    del servers
    cents = sorted(Prices().draw(random.Random(options.seed), options.stones))
    changed = sorted(Prices().draw(random.Random(options.seed + 1), options.stones))
    figures: list[Figure] = []
    details: dict[str, object] = {}
    for name, prices, inventory_prices in (
        ("first plan", cents, ()),
        ("later plan", changed, _inventory_prices(cents)),
    ):
        start_time = time.process_time()
        result = build_plan(prices, options.bands, inventory_prices)
        details[f"{name}: CPU seconds"] = round(time.process_time() - start_time, 4)
        figures += [_largest_band(name, result), _count_requests(name, result)]
    return Report(figures=figures, details=details)


def build_plan(prices: Sequence[int], bands: int, inventory_prices: Sequence[HeldPrice] = ()) -> Plan:
    """Plan a feed with these prices in cents, which must be sorted."""
    steps = plan(max_partitions=bands, held=inventory_prices, by_origin=False)
    ranges = next(steps)
    while True:
        try:
            ranges = steps.send([_count(prices, price_range) for price_range in ranges])
        except StopIteration as done:
            result: Plan = done.value
            return result


def _count(prices: Sequence[int], price_range: PriceRange) -> int:
    low = 0 if price_range.price_from is None else bisect_left(prices, price_range.price_from * 100)
    high = len(prices) if price_range.price_to is None else bisect_right(prices, price_range.price_to * 100)
    return max(0, high - low)


def _inventory_prices(cents: Sequence[int]) -> list[HeldPrice]:
    inventory_prices: dict[int, list[int]] = {}
    for price in cents:
        dollars = -(-price // 100)
        counts = inventory_prices.setdefault(dollars, [0, 0])
        counts[0] += 1
        counts[1] += price % 100 == 0
    return [HeldPrice(dollars, *counts) for dollars, counts in sorted(inventory_prices.items())]


def _largest_band(name: str, result: Plan) -> Figure:
    sizes = [band.planned for band in result.bands]
    return Figure(
        name=f"{name}, largest band",
        unit="stones",
        ours=Pace(max(sizes)),
        beside="the mean band",
        other=Pace(sum(sizes) / len(sizes)),
        smaller_is_better=True,
    )


def _count_requests(name: str, result: Plan) -> Figure:
    return Figure(
        name=f"{name}, counts",
        unit="requests",
        ours=Pace(result.counts_used),
        beside="each edge once",
        other=Pace(len(result.bands) - 1 + _TOTALS),
        smaller_is_better=True,
    )
