"""A plan as text: one line for each partition, for the person who wants to see it before it runs."""

from collections.abc import Iterator

import msgspec

from sync.domain.partition import Band, Plan

_FULL = "█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Line(msgspec.Struct, frozen=True):
    """A partition's prices in words, the stones that it is expected to hold, and a bar as long as they are many."""

    label: str
    count: int
    bar: str


def histogram(plan: Plan, *, width: int = 40) -> Iterator[Line]:
    """The lines of a plan; the largest partition's bar is `width` characters long."""
    largest = max((band.planned for band in plan.bands), default=0)
    for band in plan.bands:
        eighths = round(8 * width * band.planned / largest) if largest else 0
        bar = _FULL * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        yield Line(label(band), band.planned, bar)


def label(band: Band) -> str:
    """The prices of a partition: `$500 to $750`, `up to $500`, `from $750`, `everything`, or `without a price`."""
    if band.kind == "outside":
        return "without a price"
    if band.price_from is None and band.price_to is None:
        return "everything"
    if band.price_from is None:
        return f"up to ${band.price_to:,}"
    if band.price_to is None:
        return f"from ${band.price_from:,}"
    return f"${band.price_from:,} to ${band.price_to:,}"
