"""Distributions of the generated assortment: shapes, weights, grades, laboratories and colours, natural and lab-grown.

The natural shapes, weights, grades and finishes follow counts of 213,134 listed natural stones. The shares of lab-grown
stones, laboratories, hues and delivery are estimates.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Shares(Generic[T]):
    """Weighted random choice."""

    def __init__(self, weights: Mapping[T, float] | Sequence[tuple[T, float]]) -> None:
        pairs = list(weights.items()) if isinstance(weights, Mapping) else list(weights)
        self.values = [value for value, _ in pairs]
        self._cumulative = list(accumulate(weight for _, weight in pairs))

    def draw(self, random: Random) -> T:
        return random.choices(self.values, cum_weights=self._cumulative)[0]


# Natural round stones are in the real data; these are the other natural shapes.
NATURAL_SHAPES = Shares({
    "OVAL": 6.4, "EMERALD": 5.1, "PEAR": 4.5, "PRINCESS": 3.2, "RADIANT": 2.6, "HEART": 2.2, "CUSHION": 2.1, "MARQUISE": 1.3,
    "ASSCHER": 0.8, "OLD MINER": 0.2, "BAGUETTE": 0.2, "TRILLIANT": 0.1,
})  # fmt: skip
LAB_GROWN_SHAPES = Shares({
    "ROUND": 48, "OVAL": 16, "EMERALD": 8, "PEAR": 7, "RADIANT": 7, "CUSHION": 5, "PRINCESS": 4, "MARQUISE": 3, "HEART": 1,
    "ASSCHER": 1,
})  # fmt: skip

Span = tuple[int, int]
"""Range of hundredths of a carat: first weight (inclusive) and end (exclusive)."""
NATURAL_CARATS: Shares[Span] = Shares({
    (23, 30): 8, (30, 40): 29, (40, 50): 9, (50, 70): 18, (70, 90): 8, (90, 100): 3, (100, 150): 13, (150, 200): 6,
    (200, 300): 4, (300, 500): 2, (500, 1500): 1,
})  # fmt: skip
LAB_GROWN_CARATS: Shares[Span] = Shares({
    (30, 50): 2, (50, 70): 6, (70, 90): 6, (90, 100): 2, (100, 150): 30, (150, 200): 22, (200, 300): 20, (300, 400): 7,
    (400, 500): 3, (500, 1200): 2,
})  # fmt: skip

NATURAL_COLORS = Shares({
    "D": 14.1, "E": 15.1, "F": 14.4, "G": 13.3, "H": 11.8, "I": 10.2, "J": 7.8, "K": 5.4, "L": 2.6, "M": 1.4, "N": 0.4,
})  # fmt: skip
LAB_GROWN_COLORS = Shares({"D": 29, "E": 28, "F": 21, "G": 12, "H": 6, "I": 3, "J": 1})
SMALL_CLARITIES = Shares({
    "FL": 0.3, "IF": 6.2, "VVS1": 14.5, "VVS2": 14, "VS1": 18, "VS2": 17, "SI1": 15, "SI2": 11, "SI3": 0.6, "I1": 2.4, "I2": 0.8,
    "I3": 0.2,
})  # fmt: skip
LARGE_CLARITIES = Shares({
    "FL": 0.2, "IF": 1.2, "VVS1": 2.4, "VVS2": 7, "VS1": 14, "VS2": 19, "SI1": 25, "SI2": 22, "SI3": 1.4, "I1": 5, "I2": 2,
    "I3": 0.8,
})  # fmt: skip
LAB_GROWN_CLARITIES = Shares({"FL": 0.7, "IF": 6, "VVS1": 14, "VVS2": 25, "VS1": 28, "VS2": 17, "SI1": 7, "SI2": 2.3})
CUTS: Shares[str | None] = Shares({"ID": 45, "EX": 47, "VG": 6, "G": 1.5, "F": 0.4, "P": 0.1})
FANCY_SHAPE_CUTS: Shares[str | None] = Shares([(None, 60), ("ID", 8), ("EX", 27), ("VG", 5)])
"""IGI grades the cut of all shapes; GIA grades the cut of round stones only."""

POLISHES = Shares({"EX": 90, "VG": 9, "G": 0.8, "F": 0.2})
SYMMETRIES = Shares({"EX": 75, "VG": 22.5, "G": 2, "F": 0.5})
NATURAL_FLUORESCENCES = Shares({"NON": 62, "FNT": 21, "MED": 9, "STG": 6, "VST": 2})
LAB_GROWN_FLUORESCENCES = Shares({"NON": 93, "FNT": 5, "MED": 1.5, "STG": 0.5})
FLUORESCENCE_COLORS = Shares({"Blue": 95, "Yellow": 4, "White": 1})
NATURAL_LABS = Shares({"GIA": 80, "IGI": 13, "HRD": 6, "AGS": 1})
LAB_GROWN_LABS = Shares({"IGI": 85, "GIA": 10, "GCAL": 5})

NATURAL_HUES = Shares({
    "YELLOW": 64, "BROWN": 12, "PINK": 10, "GREEN": 5, "ORANGE": 4, "BLUE": 2, "GRAY": 1.5, "PURPLE": 1, "RED": 0.5,
})  # fmt: skip
LAB_GROWN_HUES = Shares({"PINK": 35, "BLUE": 30, "YELLOW": 28, "GREEN": 5, "ORANGE": 2})
INTENSITIES = Shares({
    "FAINT": 4, "VERY LIGHT": 5, "LIGHT": 8, "FANCY LIGHT": 16, "FANCY": 24, "FANCY INTENSE": 24, "FANCY VIVID": 12,
    "FANCY DEEP": 5, "FANCY DARK": 2,
})  # fmt: skip
OVERTONES: Shares[str | None] = Shares([(None, 60), ("BROWNISH", 14), ("ORANGY", 10), ("GREENISH", 8), ("PURPLISH", 8)])

DELIVERY_DAYS: Shares[tuple[int, int]] = Shares({(1, 3): 15, (3, 5): 35, (6, 10): 40, (15, 25): 10})
RETURN_DAYS = Shares({0: 30, 7: 35, 14: 20, 30: 15})

# Price factors relative to colour G, clarity VS2 and a round shape.
COLOR_FACTORS = {
    "D": 1.17, "E": 1.11, "F": 1.07, "G": 1.0, "H": 0.91, "I": 0.81, "J": 0.70, "K": 0.61, "L": 0.54, "M": 0.48, "N": 0.44,
}  # fmt: skip
CLARITY_FACTORS = {
    "FL": 1.55, "IF": 1.45, "VVS1": 1.32, "VVS2": 1.23, "VS1": 1.07, "VS2": 1.0, "SI1": 0.86, "SI2": 0.73, "SI3": 0.62, "I1": 0.48,
    "I2": 0.36, "I3": 0.28,
}  # fmt: skip
SHAPE_FACTORS = {
    "ROUND": 1.0, "OVAL": 0.84, "PEAR": 0.83, "MARQUISE": 0.80, "HEART": 0.74, "PRINCESS": 0.72, "RADIANT": 0.72, "EMERALD": 0.71,
    "ASSCHER": 0.71, "CUSHION": 0.60,
}  # fmt: skip
HUE_FACTORS = {
    "YELLOW": 0.8, "BROWN": 0.35, "PINK": 6.0, "GREEN": 2.5, "ORANGE": 1.8, "BLUE": 9.0, "GRAY": 0.7, "PURPLE": 3.0, "RED": 20.0,
}  # fmt: skip
INTENSITY_FACTORS = {
    "FAINT": 0.6, "VERY LIGHT": 0.65, "LIGHT": 0.75, "FANCY LIGHT": 1.0, "FANCY": 1.4, "FANCY INTENSE": 2.2, "FANCY VIVID": 3.6,
    "FANCY DEEP": 1.8, "FANCY DARK": 0.9,
}  # fmt: skip
