"""Facet model of a cut stone: a closed mesh of flat facets by shape and proportions, for drawings and 360-degree views.

The girdle lies in the plane z = 0, the table above it, the culet below. Half the width is 1.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, pi, sin, sqrt
from typing import NamedTuple

Point = tuple[float, float, float]
Facet = tuple[Point, ...]
Outline = Callable[[float], tuple[float, float]]
"""Point of the girdle by the angle from the top. Half the width and half the length are 1."""

_STEP_CUTS = frozenset({"EMERALD", "ASSCHER", "BAGUETTE"})
_MAINS = 8
_CROWN_STEPS, _PAVILION_STEPS = (0.0, 0.42, 0.75, 1.0), (0.0, 0.4, 0.75, 1.0)
_CROWN_HEIGHT = 0.3  # share of the height above the girdle


class Model(NamedTuple):
    """Facets of the crown (the table first) and of the pavilion, and the outline of the girdle."""

    crown: tuple[Facet, ...]
    pavilion: tuple[Facet, ...]
    girdle: tuple[Point, ...]


def _sign(value: float) -> float:
    return -1.0 if value < 0 else 1.0


def _ellipse(angle: float) -> tuple[float, float]:
    return sin(angle), cos(angle)


def _marquise(angle: float) -> tuple[float, float]:
    return _sign(sin(angle)) * sin(angle) ** 2, cos(angle)


def _pear(angle: float) -> tuple[float, float]:
    return sin(angle) * ((1 - cos(angle)) / 2) ** 0.36 / 0.734, cos(angle)


def _heart(angle: float) -> tuple[float, float]:
    # The tip points down, as hearts are displayed. The first point of the girdle is the cleft.
    y = 13 * cos(angle) - 5 * cos(2 * angle) - 2 * cos(3 * angle) - cos(4 * angle)
    return sin(angle) ** 3, (y + 2.5) / 14.6


def _superellipse(power: float) -> Outline:
    def outline(angle: float) -> tuple[float, float]:
        x, y = sin(angle), cos(angle)
        size = (abs(x) ** power + abs(y) ** power) ** (1 / power)
        return x / size, y / size

    return outline


def _cut_corners(corner: float) -> Outline:
    """Outline of a square with cut corners. `corner`: length of the cut as a share of half a side."""

    def outline(angle: float) -> tuple[float, float]:
        x, y = sin(angle), cos(angle)
        size = max(abs(x), abs(y), (abs(x) + abs(y)) / (2 - corner))
        return x / size, y / size

    return outline


def _triangle(angle: float) -> tuple[float, float]:
    bulge = 1 + 0.1 * cos(3 * angle)
    return sin(angle) * bulge / 0.98, cos(angle) * bulge / 1.1


_OUTLINES: dict[str, Outline] = {
    "ROUND": _ellipse, "OVAL": _ellipse, "PEAR": _pear, "MARQUISE": _marquise, "HEART": _heart,
    "PRINCESS": _superellipse(40), "CUSHION": _superellipse(3.2), "CUSHION MODIFIED": _superellipse(3.2),
    "OLD MINER": _superellipse(2.8), "RADIANT": _cut_corners(0.28), "EMERALD": _cut_corners(0.34),
    "ASSCHER": _cut_corners(0.5), "BAGUETTE": _cut_corners(0.02), "TRILLIANT": _triangle,
}  # fmt: skip


def outline_points(shape: str, ratio: float, count: int) -> list[Point]:
    """Points of the girdle, clockwise from the top."""
    outline = _OUTLINES.get(shape, _ellipse)
    places = (outline(2 * pi * number / count) for number in range(count))
    return [(x, y * ratio, 0.0) for x, y in places]


def model(shape: str, ratio: float, table: float, depth: float) -> Model:
    """Build the facets of a shape. `ratio`: length divided by width; `table` and `depth`: shares of the width."""
    crown, pavilion = 2 * depth * _CROWN_HEIGHT, -2 * depth * (1 - _CROWN_HEIGHT)
    girdle = tuple(outline_points(shape, ratio, 128))
    if shape in _STEP_CUTS:
        ring = _corners(shape, ratio)
        upper = [_inset(ring, ratio, step * (1 - table), step * crown) for step in _CROWN_STEPS]
        lower = [_inset(ring, ratio, step * 0.98, step * pavilion) for step in _PAVILION_STEPS]
        return Model((tuple(upper[-1]), *_bands(upper)), tuple(_bands(lower)), girdle)
    points = outline_points(shape, ratio, 2 * _MAINS)
    top = [_between(point, table, crown) for point in points[::2]]
    bezel = [_between(point, (1 + table) / 2 * 1.04, crown * 0.52) for point in points[1::2]]
    below = [_between(point, 0.24, pavilion * 0.8) for point in points[1::2]]
    culet = [(0.0, _culet(shape, ratio), pavilion)] * _MAINS
    return Model(
        (tuple(top), *_stars(top, bezel), *_mains(top, bezel, points)), tuple(_mains(culet, below, points)), girdle
    )


def _culet(shape: str, ratio: float) -> float:
    return {"PEAR": -0.22 * ratio, "HEART": 0.1 * ratio}.get(shape, 0.0)


def _between(point: Point, share: float, z: float) -> Point:
    return point[0] * share, point[1] * share, z


def _stars(top: Sequence[Point], bezel: Sequence[Point]) -> list[Facet]:
    return [(top[at], bezel[at], top[(at + 1) % _MAINS]) for at in range(_MAINS)]


def _mains(inner: Sequence[Point], middle: Sequence[Point], girdle: Sequence[Point]) -> list[Facet]:
    """Kite facets from the inner points to the girdle, and the two half facets beside each."""
    facets: list[Facet] = []
    for at in range(_MAINS):
        left, right, edge = middle[at - 1], middle[at], girdle[2 * at]
        facets.append((inner[at], left, edge, right))
        between, following = girdle[2 * at + 1], girdle[(2 * at + 2) % (2 * _MAINS)]
        facets += [(right, edge, between), (right, between, following)]
    return facets


def _corners(shape: str, ratio: float) -> list[Point]:
    """Eight corners of a step cut."""
    cut = {"EMERALD": 0.34, "ASSCHER": 0.5}.get(shape, 0.02)
    sides = [(1 - cut, ratio), (1, ratio - cut)]
    quarter = [*sides, *((x, -y) for x, y in reversed(sides))]
    return [(x, y, 0.0) for x, y in [*quarter, *((-x, -y) for x, y in quarter)]]


def _inset(ring: Sequence[Point], ratio: float, by: float, z: float) -> list[Point]:
    """Inset a ring by the same distance on every side."""
    return [(x * (1 - by), y * (ratio - by) / ratio, z) for x, y, _ in ring]


def _bands(rings: Sequence[Sequence[Point]]) -> list[Facet]:
    """Facets between adjacent rings."""
    facets: list[Facet] = []
    for outer, inner in pairwise(rings):
        count = len(outer)
        facets += [(outer[at], outer[(at + 1) % count], inner[(at + 1) % count], inner[at]) for at in range(count)]
    return facets


def normal(facet: Facet) -> Point:
    """Unit normal of a facet (Newell's method). Its direction depends on the order of the points."""
    x = y = z = 0.0
    for (ax, ay, az), (bx, by, bz) in zip(facet, (*facet[1:], facet[0]), strict=True):
        x += (ay - by) * (az + bz)
        y += (az - bz) * (ax + bx)
        z += (ax - bx) * (ay + by)
    length = sqrt(x * x + y * y + z * z) or 1.0
    return x / length, y / length, z / length
