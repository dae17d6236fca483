"""Interpolation on a curve of counts: predict the price of a count, or halve the interval."""

from bisect import bisect_right
from collections.abc import Sequence

from sync.planning.price_scale import PriceScale, price_at

Curve = Sequence[tuple[int, int]]
"""Known points, rising: (dollars, stones up to there)."""

# Divisors of round prices, roundest first; and the smallest distance of a probe from the ends of its gap (share).
_ROUND = (1_000_000, 100_000, 10_000, 1_000, 500, 100, 50, 10, 1)
_MARGIN = 0.25


def beside_round_price(scale: PriceScale, low: int, high: int) -> int:
    """Return a price well inside (low, high), just below a round one: groups of equal prices have round prices."""
    if _roundness(low + 1) > 1 and low + 2 < high:
        return low + 2
    width = scale.mark(high) - scale.mark(low)
    first = price_at(scale, scale.mark(low) + width * _MARGIN)
    last = price_at(scale, scale.mark(high) - width * _MARGIN)
    for step in _ROUND:
        rounded = last // step * step
        if rounded >= first:
            return rounded - 1 if step > 1 else (first + last) // 2
    return (low + high) // 2


def middle(scale: PriceScale, low: int, high: int) -> int:
    """Return the middle of two prices on the scale."""
    return price_at(scale, (scale.mark(low) + scale.mark(high)) / 2)


def _roundness(dollars: int) -> int:
    return next(step for step in _ROUND if dollars % step == 0)


def gap_of(curve: Curve, target: float) -> int:
    """Return the index of the last known point with at most `target` stones up to it."""
    return bisect_right(curve, target, key=lambda point: point[1]) - 1


def interpolate(curve: Curve, gap: int, target: float, scale: PriceScale) -> float:
    """Monotone cubic interpolation: predict the mark at which the curve reaches `target`.

    The slopes are harmonic means of the chords beside each point, so the cubic is monotone (Fritsch and Butland, 1984).
    The count is the independent variable, because the mark is the result.
    """
    (x0, f0), (x1, f1) = curve[gap], curve[gap + 1]
    m0, m1 = scale.mark(x0), scale.mark(x1)
    width = f1 - f0
    chord = (m1 - m0) / width
    s0 = _slope(_chord(curve, gap - 1, scale), chord)
    s1 = _slope(chord, _chord(curve, gap + 1, scale))
    t = (target - f0) / width
    rest = 1 - t
    return m0 * (1 + 2 * t) * rest**2 + m1 * (3 - 2 * t) * t**2 + width * t * rest * (s0 * rest - s1 * t)


def _chord(curve: Curve, gap: int, scale: PriceScale) -> float | None:
    """Marks per stone across a gap; None outside the curve, and for a gap without stones."""
    if not 0 <= gap < len(curve) - 1 or curve[gap][1] == curve[gap + 1][1]:
        return None
    (x0, f0), (x1, f1) = curve[gap], curve[gap + 1]
    return (scale.mark(x1) - scale.mark(x0)) / (f1 - f0)


def _slope(left: float | None, right: float | None) -> float:
    if left is None or right is None:
        return (left if right is None else right) or 0.0
    return 2 * left * right / (left + right)
