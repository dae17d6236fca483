"""Grades and their ranks: what sorts and filters by quality, best first (rank 1).

A grade that is not listed keeps its text and has no rank: it is shown, matches no grade filter and sorts last.
"""

from collections.abc import Mapping, Sequence

COLORS: Sequence[str] = tuple("DEFGHIJKLMNOPQRSTUVWXYZ")
CLARITIES: Sequence[str] = ("FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "SI3", "I1", "I2", "I3")
# Premium is a grade of the trade, not of a laboratory: no better than excellent, always above very good.
CUTS: Sequence[str] = ("IDEAL", "EXCELLENT", "PREMIUM", "VERY_GOOD", "GOOD", "FAIR", "POOR")
FINISHES: Sequence[str] = CUTS
FLUORESCENCES: Sequence[str] = ("NONE", "FAINT", "MEDIUM", "STRONG", "VERY_STRONG")
SHAPES: Sequence[str] = (
    "ROUND", "PRINCESS", "CUSHION", "EMERALD", "OVAL", "PEAR", "MARQUISE", "ASSCHER", "RADIANT", "HEART",
    "TRILLIANT", "BAGUETTE", "OLD_MINE", "OLD_EUROPEAN", "ROSE", "TRAPEZOID", "SHIELD", "KITE", "HEXAGONAL", "OTHER",
)  # fmt: skip
# Hues of fancy colours; a stone of two shows them in alphabetical order, "BROWN-ORANGE".
FANCY_COLORS: Sequence[str] = (
    "BLACK", "BLUE", "BROWN", "CHAMELEON", "CHAMPAGNE", "COGNAC", "GRAY", "GREEN", "OLIVE", "ORANGE", "PINK", "PURPLE",
    "RED", "VIOLET", "WHITE", "YELLOW",
)  # fmt: skip
FANCY_INTENSITIES: Sequence[str] = (
    "FAINT", "VERY_LIGHT", "LIGHT", "FANCY_LIGHT", "FANCY", "FANCY_INTENSE", "FANCY_VIVID", "FANCY_DEEP", "FANCY_DARK",
)  # fmt: skip
GROWTH_METHODS: Sequence[str] = ("CVD", "HPHT")
# In a criterion: a grade outside its scale.
OTHER = "OTHER"
AVAILABILITIES: Sequence[str] = ("available", "on_hold", "sold", "unavailable")


def ranks(grades: Sequence[str]) -> Mapping[str, int]:
    """Each grade's rank, 1 for the best."""
    return {grade: rank for rank, grade in enumerate(grades, start=1)}
