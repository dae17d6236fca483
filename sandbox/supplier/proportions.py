"""Proportions of a cut stone: length, width and height by weight, shape, ratio and depth."""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

_K_NOISE = 0.02


class Cut(NamedTuple):
    """Proportions of a shape: ranges of ratio, table and depth (percent), and carats per mm³ at both ends of the ratio.

    `mean_diameter`: the weight is proportional to the squared mean diameter instead of length times width.
    """

    ratio: tuple[float, float]
    table: tuple[int, int]
    depth: tuple[int, int]
    k: tuple[float, float]
    mean_diameter: bool = False


CUTS: Mapping[str, Cut] = {
    "ROUND": Cut((1.0, 1.01), (54, 61), (59, 64), (0.0061, 0.0061), mean_diameter=True),
    "OVAL": Cut((1.3, 1.7), (55, 62), (58, 64), (0.0062, 0.0062), mean_diameter=True),
    "PEAR": Cut((1.45, 1.75), (55, 62), (58, 64), (0.00603, 0.00588)),
    "MARQUISE": Cut((1.75, 2.3), (55, 62), (58, 64), (0.0057, 0.00581)),
    "HEART": Cut((0.9, 1.1), (54, 62), (56, 64), (0.0059, 0.0059)),
    "PRINCESS": Cut((1.0, 1.05), (57, 72), (62, 73), (0.0083, 0.0083)),
    "RADIANT": Cut((1.0, 1.4), (58, 70), (60, 70), (0.0081, 0.0081)),
    "CUSHION": Cut((1.0, 1.3), (58, 68), (57, 69), (0.0082, 0.0082)),
    "ASSCHER": Cut((1.0, 1.05), (60, 65), (58, 65), (0.0080, 0.0080)),
    "EMERALD": Cut((1.3, 1.4), (60, 65), (58, 65), (0.0086, 0.0090)),
    "BAGUETTE": Cut((1.5, 2.2), (58, 66), (55, 64), (0.0092, 0.0106)),
    "TRILLIANT": Cut((0.95, 1.05), (56, 66), (36, 48), (0.0057, 0.0057)),
    "OLD MINER": Cut((1.0, 1.1), (45, 56), (60, 70), (0.0081, 0.0081)),
}


class Size(NamedTuple):
    """Size of a stone in 1/100 mm; `depth` (height divided by width) and `table` in 1/100 %."""

    length: int
    width: int
    height: int
    depth: int
    table: int


def draw(random: Random, shape: str, carat: float) -> Size:
    """Draw a size for a weight of `carat`. The width is solved from ratio, depth and carats per mm³."""
    cut = CUTS[shape]
    # Most ratios lie near the lower end: square shapes are mostly cut square.
    place = random.betavariate(1.4, 2.2)
    ratio = cut.ratio[0] + (cut.ratio[1] - cut.ratio[0]) * place
    depth = random.uniform(*cut.depth) / 100
    table = random.randint(cut.table[0] * 2, cut.table[1] * 2) * 50
    k = (cut.k[0] + (cut.k[1] - cut.k[0]) * place) * (1 + random.uniform(-_K_NOISE, _K_NOISE))
    area = ((1 + ratio) / 2) ** 2 if cut.mean_diameter else ratio
    width = (carat / (k * area * depth)) ** (1 / 3)
    length, across, height = (round(100 * side) for side in (width * ratio, width, width * depth))
    return Size(length, across, height, round(10_000 * height / across), table)
