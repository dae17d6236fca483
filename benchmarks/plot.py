"""Plot of benchmark results by release: ratio of each row to its limit or peer, as an SVG for the documentation.

python -m benchmarks.plot     reads benchmarks/results/*.json, writes docs/explanation/performance.svg
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import msgspec

RESULTS = Path(__file__).parent / "results"
PLOT = Path(__file__).parents[1] / "docs" / "explanation" / "performance.svg"

_COLORS = ("#2563eb", "#d97706", "#059669", "#7c3aed")
_LABELS, _WIDTH, _BAR, _GAP, _TOP = 330, 430, 9, 8, 46
# Logarithmic scale (powers of ten), from a ratio of 0.01 to 10.
_LOW, _HIGH = -2.0, 1.0


class _Row(msgspec.Struct, frozen=True):
    benchmark: str
    name: str
    beside: str
    ratio: float


class _Result(msgspec.Struct, frozen=True):
    rows: Sequence[_Row]


def load(directory: Path = RESULTS) -> Mapping[str, Mapping[str, float]]:
    """Read the results of the newest releases, at most four: ratios by row, by release."""
    found = {}
    for path in sorted(directory.glob("*.json"))[-len(_COLORS) :]:
        result = msgspec.json.decode(path.read_bytes(), type=_Result)
        found[path.stem] = {f"{row.benchmark}: {row.name} / {row.beside}": row.ratio for row in result.rows}
    return found


def svg(results: Mapping[str, Mapping[str, float]]) -> str:
    """Draw the results as SVG: one horizontal bar for each release and row."""
    names = list(dict.fromkeys(name for ratios in results.values() for name in ratios))
    step = len(results) * _BAR + _GAP
    height = _TOP + len(names) * step + 30
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LABELS + _WIDTH + 60} {height}" '
            'font-family="sans-serif" font-size="10" fill="#334155">'
        ),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for place, release in enumerate(results):
        start = _LABELS + place * 120
        parts.append(f'<rect x="{start}" y="10" width="10" height="10" fill="{_COLORS[place]}"/>')
        parts.append(f'<text x="{start + 14}" y="19">{escape(release)}</text>')
    for power in (-2, -1, 0, 1):
        left = _x(10.0**power)
        parts.append(f'<line x1="{left}" y1="{_TOP - 12}" x2="{left}" y2="{height - 24}" stroke="#cbd5e1"/>')
        parts.append(f'<text x="{left}" y="{height - 10}" text-anchor="middle">{10.0**power:g}</text>')
    for number, name in enumerate(names):
        top = _TOP + number * step
        parts.append(f'<text x="{_LABELS - 8}" y="{top + _BAR}" text-anchor="end">{escape(_short(name))}</text>')
        for place, ratios in enumerate(results.values()):
            if name in ratios:
                width = max(1.0, _x(ratios[name]) - _LABELS)
                y = top + place * _BAR
                parts.append(
                    f'<rect x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR - 1}" fill="{_COLORS[place]}"/>'
                )
                parts.append(f'<text x="{_LABELS + width + 4:.1f}" y="{y + _BAR - 1}">{ratios[name]:.2g}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _x(ratio: float) -> float:
    share = (min(max(math.log10(max(ratio, 1e-9)), _LOW), _HIGH) - _LOW) / (_HIGH - _LOW)
    return round(_LABELS + share * _WIDTH, 1)


def _short(name: str) -> str:
    longest = 62
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


if __name__ == "__main__":
    PLOT.write_text(svg(load()), "utf-8")
