"""Grades as enums. A grade outside the list is `OTHER`; `Diamond.reportedGrades` contains its text."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=Enum)
_value = strawberry.enum_value
_UNLISTED = (
    "A grade outside this list; `Diamond.reportedGrades` contains its text. A filter by it matches all such grades."
)


@strawberry.enum(description="Shape of a diamond, viewed from above.")
class Shape(Enum):
    ROUND = _value("ROUND", description="Round, usually brilliant.")
    PRINCESS = _value("PRINCESS", description="Square brilliant with pointed corners.")
    CUSHION = _value("CUSHION", description="Square or rectangular with rounded corners.")
    EMERALD = _value("EMERALD", description="Rectangular step cut with cropped corners.")
    OVAL = _value("OVAL", description="Oval.")
    PEAR = _value("PEAR", description="Pear.")
    MARQUISE = _value("MARQUISE", description="Marquise: pointed at both ends.")
    ASSCHER = _value("ASSCHER", description="Square step cut with cropped corners.")
    RADIANT = _value("RADIANT", description="Rectangular brilliant with cropped corners.")
    HEART = _value("HEART", description="Heart.")
    TRILLIANT = _value("TRILLIANT", description="Triangle.")
    BAGUETTE = _value("BAGUETTE", description="Baguette: narrow rectangle, step cut.")
    OLD_MINE = _value("OLD_MINE", description="Old mine cut: an early cushion.")
    OLD_EUROPEAN = _value("OLD_EUROPEAN", description="Old European cut: an early round.")
    ROSE = _value("ROSE", description="Rose cut: flat below, domed above.")
    TRAPEZOID = _value("TRAPEZOID", description="Trapezoid, usually a side stone.")
    SHIELD = _value("SHIELD", description="Shield.")
    KITE = _value("KITE", description="Kite.")
    HEXAGONAL = _value("HEXAGONAL", description="Hexagon.")
    OTHER = _value("OTHER", description="Any other shape; `Diamond.reportedGrades` contains its name.")


@strawberry.enum(description="Colour grade of a white diamond, from D (colourless) to Z (light yellow or brown).")
class ColorGrade(Enum):
    D = _value("D", description="Colourless, the best.")
    E = _value("E", description="Colourless.")
    F = _value("F", description="Colourless, the lowest grade.")
    G = _value("G", description="Near colourless, the best.")
    H = _value("H", description="Near colourless.")
    I = _value("I", description="Near colourless.")  # noqa: E741 - the grade's name
    J = _value("J", description="Near colourless, the lowest grade.")
    K = _value("K", description="Faint colour.")
    L = _value("L", description="Faint colour.")
    M = _value("M", description="Faint colour, the lowest grade.")
    N = _value("N", description="Very light colour.")
    O = _value("O", description="Very light colour.")  # noqa: E741 - the grade's name
    P = _value("P", description="Very light colour.")
    Q = _value("Q", description="Very light colour.")
    R = _value("R", description="Very light colour, the lowest grade.")
    S = _value("S", description="Light colour.")
    T = _value("T", description="Light colour.")
    U = _value("U", description="Light colour.")
    V = _value("V", description="Light colour.")
    W = _value("W", description="Light colour.")
    X = _value("X", description="Light colour.")
    Y = _value("Y", description="Light colour.")
    Z = _value("Z", description="Light colour, the lowest grade before fancy colours.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="Clarity grade: inclusions at tenfold magnification.")
class ClarityGrade(Enum):
    FL = _value("FL", description="Flawless.")
    IF = _value("IF", description="Internally flawless.")
    VVS1 = _value("VVS1", description="Very, very slightly included, the higher grade.")
    VVS2 = _value("VVS2", description="Very, very slightly included.")
    VS1 = _value("VS1", description="Very slightly included, the higher grade.")
    VS2 = _value("VS2", description="Very slightly included.")
    SI1 = _value("SI1", description="Slightly included, the higher grade.")
    SI2 = _value("SI2", description="Slightly included.")
    SI3 = _value("SI3", description="Slightly included, below SI2. Not a GIA grade.")
    I1 = _value("I1", description="Included, the highest grade.")
    I2 = _value("I2", description="Included.")
    I3 = _value("I3", description="Included, the lowest grade.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="Grade of cut, polish or symmetry.")
class CutGrade(Enum):
    IDEAL = _value("IDEAL", description="Ideal, the best.")
    EXCELLENT = _value("EXCELLENT", description="Excellent.")
    PREMIUM = _value("PREMIUM", description="Premium: a trade grade, not a laboratory grade.")
    VERY_GOOD = _value("VERY_GOOD", description="Very good.")
    GOOD = _value("GOOD", description="Good.")
    FAIR = _value("FAIR", description="Fair.")
    POOR = _value("POOR", description="Poor.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="Strength of fluorescence under ultraviolet light.")
class Fluorescence(Enum):
    NONE = _value("NONE", description="None.")
    FAINT = _value("FAINT", description="Faint.")
    MEDIUM = _value("MEDIUM", description="Medium.")
    STRONG = _value("STRONG", description="Strong.")
    VERY_STRONG = _value("VERY_STRONG", description="Very strong.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="Origin of a diamond.")
class Origin(Enum):
    NATURAL = _value("NATURAL", description="Mined.")
    LAB_GROWN = _value("LAB_GROWN", description="Grown in a laboratory.")


@strawberry.enum(description="How a lab-grown diamond was made.")
class GrowthMethod(Enum):
    CVD = _value("CVD", description="Chemical vapour deposition.")
    HPHT = _value("HPHT", description="High pressure, high temperature.")


@strawberry.enum(description="Availability of a diamond.")
class Availability(Enum):
    AVAILABLE = _value("available", description="It can be held and purchased.")
    ON_HOLD = _value("on_hold", description="A client or the supplier holds it.")
    SOLD = _value("sold", description="It is sold.")
    UNAVAILABLE = _value("unavailable", description="It is unavailable; the supplier gives no reason.")


def graded(scale: type[E], text: str | None) -> E | None:
    """Return the member of a scale by the text of a grade; `OTHER` for an unknown text."""
    if text is None:
        return None
    members: Mapping[str, E] = _members(scale)
    return members.get(text) or members["OTHER"]


class _GradeNames(dict[str, str]):
    """Names of members by text."""

    def __missing__(self, text: str) -> str:
        if text is None:
            raise KeyError(text)
        return "OTHER"


@cache
def grade_names(scale: type[Enum]) -> Mapping[str, str]:
    """Return the response values of a scale by the text of a grade; `OTHER` for an unknown text."""
    return _GradeNames({member.value: member.name for member in scale})


@cache
def _members(scale: type[E]) -> Mapping[str, E]:
    """Members by text. Calling the enum takes five times as long, and a page needs hundreds."""
    return {member.value: member for member in scale}
