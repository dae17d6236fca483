"""Text histogram of a plan: one line for each partition."""

from collections.abc import Iterator

import msgspec

from sync.planning.partition import Band, Dimension, Plan

_FULL = "█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


class HistogramLine(msgspec.Struct, frozen=True):
    """The label of a partition's prices, its planned stones, and a bar of proportional length."""

    label: str
    count: int
    bar: str


def histogram(plan: Plan, *, width: int = 40) -> Iterator[HistogramLine]:
    """Yield the lines of a plan. The largest partition's bar is `width` characters long."""
    largest = max((band.planned for band in plan.bands), default=0)
    for band in plan.bands:
        eighths = round(8 * width * band.planned / largest) if largest else 0
        bar = _FULL * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        yield HistogramLine(label(band, plan.dimension), band.planned, bar)


def label(band: Band, dimension: Dimension) -> str:
    """Label the prices of a partition: `$500 to $750`, `up to $500/ct`, `from $750`, `everything`, or `without a price`."""
    if band.kind == "rows":
        return f"from row {band.first_offset + 1:,}"
    if band.kind == "outside":
        return "without a price"
    unit = "/ct" if dimension == "dollar_per_carat" else ""
    low, high = (None if edge is None else f"${edge:,}{unit}" for edge in (band.price_from, band.price_to))
    if low and high:
        return f"{low} to {high}"
    if low or high:
        return f"from {low}" if low else f"up to {high}"
    return "everything"
