"""Curve and table of the figures of `benchmarks.scale`."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import msgspec

PLOT = Path(__file__).parents[1] / "docs" / "explanation" / "scale.svg"
ROLES = ("worker", "consolidator", "api")

_COLORS = ("#2563eb", "#d97706", "#059669", "#7c3aed")
_SMALLEST = 0.01  # a logarithmic axis has no zero
_WIDTH, _HEIGHT, _LEFT, _TOP, _STEP = 190, 170, 46, 40, 260


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Figures at one number of stones.

    `read_seconds`, `consolidate_seconds`: of the first full run. `later_seconds`: consolidation of a run that found `changed`
    changed stones. `index_seconds`, `index_bytes`: time to build the search index, and its bytes for each stone. `total_ms`,
    `page_ms`: p50 and p99 of totals, and of pages with totals and all facets. `memory_mib`: peaks of processes.
    """

    stones: int
    changed: int
    read_seconds: float
    consolidate_seconds: float
    later_seconds: float
    index_seconds: float
    index_bytes: float
    total_ms: tuple[float, float]
    page_ms: tuple[float, float]
    memory_mib: Mapping[str, int]


Curve = Callable[[Point], float]

_PANELS: Mapping[str, Mapping[str, Curve]] = {
    "seconds": {
        "first run: read": lambda point: point.read_seconds,
        "first run: consolidate": lambda point: point.consolidate_seconds,
        "few changes: consolidate": lambda point: point.later_seconds,
        "build the index": lambda point: point.index_seconds,
    },
    "ms": {
        "total, p50": lambda point: point.total_ms[0],
        "total, p99": lambda point: point.total_ms[1],
        "page, total, facets, p50": lambda point: point.page_ms[0],
        "page, total, facets, p99": lambda point: point.page_ms[1],
    },
    "MiB": {
        "worker": lambda point: point.memory_mib["worker"],
        "consolidator": lambda point: point.memory_mib["consolidator"],
        "API": lambda point: point.memory_mib["api"],
    },
}


def table(points: Sequence[Point]) -> str:
    """Format the figures as a Markdown table."""
    rows = [
        (
            "| stones | read | consolidate | consolidate, changed | index: build, size | total p50 / p99 | "
            "page, total, facets p50 / p99 | worker | consolidator | API |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for point in points:
        cells = [
            f"{point.stones:,}",
            f"{point.read_seconds:.0f} s",
            f"{point.consolidate_seconds:.1f} s",
            f"{point.later_seconds:.1f} s, {point.changed:,}",
            f"{point.index_seconds:.1f} s, {point.index_bytes:.0f} bytes a stone",
            f"{point.total_ms[0]:.1f} / {point.total_ms[1]:.1f} ms",
            f"{point.page_ms[0]:.1f} / {point.page_ms[1]:.1f} ms",
            *(f"{point.memory_mib[role]} MiB" for role in ROLES),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def svg(points: Sequence[Point]) -> str:
    """Draw one panel for each unit, both axes logarithmic."""
    width, height = _STEP * len(_PANELS), _TOP + _HEIGHT + 96
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="10" fill="#334155">'
        ),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for place, (unit, curves) in enumerate(_PANELS.items()):
        parts += _panel(place * _STEP + _LEFT, unit, curves, points)
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: int, unit: str, curves: Mapping[str, Curve], points: Sequence[Point]) -> list[str]:
    values = [max(curve(point), _SMALLEST) for curve in curves.values() for point in points]
    across = _scale([point.stones for point in points], left, left + _WIDTH)
    up = _scale(values, _TOP + _HEIGHT, _TOP)
    parts = [f'<text x="{left}" y="{_TOP - 16}" font-weight="bold">{escape(unit)}</text>']
    for power in range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1):
        y = up(10.0**power)
        parts.append(f'<line x1="{left}" y1="{y}" x2="{left + _WIDTH}" y2="{y}" stroke="#cbd5e1"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 3}" text-anchor="end">{10.0**power:g}</text>')
    for point in points:
        x = across(point.stones)
        parts.append(f'<text x="{x}" y="{_TOP + _HEIGHT + 16}" text-anchor="middle">{point.stones:,}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        color = _COLORS[number]
        line = " ".join(f"{across(point.stones)},{up(curve(point))}" for point in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across(point.stones)}" cy="{up(curve(point))}" r="3" fill="{color}"/>' for point in points
        ]
        y = _TOP + _HEIGHT + 34 + 14 * number
        parts.append(f'<rect x="{left}" y="{y - 8}" width="10" height="8" fill="{color}"/>')
        parts.append(f'<text x="{left + 14}" y="{y}">{escape(name)}</text>')
    return parts


def _scale(values: Sequence[float], first: float, last: float) -> Callable[[float], float]:
    """A logarithmic axis over whole powers of ten for figures, and over the values themselves for numbers of stones."""
    low, high = math.log10(min(values)), math.log10(max(values))
    if first > last:
        low, high = math.floor(low), math.ceil(high)

    def at(value: float) -> float:
        share = (math.log10(max(value, _SMALLEST)) - low) / (high - low) if high > low else 0.5
        return round(first + share * (last - first), 1)

    return at
