"""Grades and their ranks, which sort and filter by quality. Rank 1 is the best.

A grade that is not listed keeps its text and has no rank: it is displayed, matches no grade filter and sorts last.
"""

from collections.abc import Mapping, Sequence

COLORS: Sequence[str] = tuple("DEFGHIJKLMNOPQRSTUVWXYZ")
CLARITIES: Sequence[str] = ("FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "SI3", "I1", "I2", "I3")
# PREMIUM is a grade of dealers, not of laboratories. It ranks between EXCELLENT and VERY_GOOD.
CUTS: Sequence[str] = ("IDEAL", "EXCELLENT", "PREMIUM", "VERY_GOOD", "GOOD", "FAIR", "POOR")
FINISHES: Sequence[str] = CUTS
FLUORESCENCES: Sequence[str] = ("NONE", "FAINT", "MEDIUM", "STRONG", "VERY_STRONG")
SHAPES: Sequence[str] = (
    "ROUND", "PRINCESS", "CUSHION", "EMERALD", "OVAL", "PEAR", "MARQUISE", "ASSCHER", "RADIANT", "HEART",
    "TRILLIANT", "BAGUETTE", "OLD_MINE", "OLD_EUROPEAN", "ROSE", "TRAPEZOID", "SHIELD", "KITE", "HEXAGONAL", "OTHER",
)  # fmt: skip
# Hues of fancy colours. Two hues are written in alphabetical order: "BROWN-ORANGE".
FANCY_COLORS: Sequence[str] = (
    "BLACK", "BLUE", "BROWN", "CHAMELEON", "CHAMPAGNE", "COGNAC", "GRAY", "GREEN", "OLIVE", "ORANGE", "PINK", "PURPLE",
    "RED", "VIOLET", "WHITE", "YELLOW",
)  # fmt: skip
FANCY_INTENSITIES: Sequence[str] = (
    "FAINT", "VERY_LIGHT", "LIGHT", "FANCY_LIGHT", "FANCY", "FANCY_INTENSE", "FANCY_VIVID", "FANCY_DEEP", "FANCY_DARK",
)  # fmt: skip
GROWTH_METHODS: Sequence[str] = ("CVD", "HPHT")
# Criterion value that matches grades outside the scale.
OTHER = "OTHER"
AVAILABILITIES: Sequence[str] = ("available", "on_hold", "sold", "unavailable")


def ranks(grades: Sequence[str]) -> Mapping[str, int]:
    """Map each grade to its rank; 1 is the best."""
    return {grade: rank for rank, grade in enumerate(grades, start=1)}
