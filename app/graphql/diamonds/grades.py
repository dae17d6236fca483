"""Grades as enums. A grade that the supplier made up is `OTHER`; its text stands in `Diamond.reportedGrades`."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=Enum)
_value = strawberry.enum_value
_UNLISTED = "A grade that is not in this list; `Diamond.reportedGrades` has its text. Can't be filtered by."


@strawberry.enum(description="The outline of a diamond, seen from above.")
class Shape(Enum):
    ROUND = _value("ROUND", description="Round, usually brilliant.")
    PRINCESS = _value("PRINCESS", description="Square brilliant with pointed corners.")
    CUSHION = _value("CUSHION", description="Square or rectangular with rounded corners.")
    EMERALD = _value("EMERALD", description="Rectangular step cut with cropped corners.")
    OVAL = _value("OVAL", description="Oval.")
    PEAR = _value("PEAR", description="A drop.")
    MARQUISE = _value("MARQUISE", description="A boat, pointed at both ends.")
    ASSCHER = _value("ASSCHER", description="Square step cut with cropped corners.")
    RADIANT = _value("RADIANT", description="Rectangular brilliant with cropped corners.")
    HEART = _value("HEART", description="A heart.")
    TRILLIANT = _value("TRILLIANT", description="A triangle.")
    BAGUETTE = _value("BAGUETTE", description="A slim rectangle, step cut.")
    OLD_MINE = _value("OLD_MINE", description="Old mine cut: an early cushion.")
    OLD_EUROPEAN = _value("OLD_EUROPEAN", description="Old European cut: an early round.")
    ROSE = _value("ROSE", description="Rose cut: flat below, domed above.")
    TRAPEZOID = _value("TRAPEZOID", description="A trapezoid, usually a side stone.")
    SHIELD = _value("SHIELD", description="A shield.")
    KITE = _value("KITE", description="A kite.")
    HEXAGONAL = _value("HEXAGONAL", description="A hexagon.")
    OTHER = _value("OTHER", description="Any other shape; `Diamond.reportedGrades` has the supplier's word for it.")


@strawberry.enum(description="The colour grade of a white diamond, from D (none) to Z (light yellow or brown).")
class ColorGrade(Enum):
    D = _value("D", description="Colourless, the best.")
    E = _value("E", description="Colourless.")
    F = _value("F", description="Colourless, the last of them.")
    G = _value("G", description="Near colourless, the best.")
    H = _value("H", description="Near colourless.")
    I = _value("I", description="Near colourless.")  # noqa: E741 - the grade's name
    J = _value("J", description="Near colourless, the last of them.")
    K = _value("K", description="Faint colour.")
    L = _value("L", description="Faint colour.")
    M = _value("M", description="Faint colour, the last of them.")
    N = _value("N", description="Very light colour.")
    O = _value("O", description="Very light colour.")  # noqa: E741 - the grade's name
    P = _value("P", description="Very light colour.")
    Q = _value("Q", description="Very light colour.")
    R = _value("R", description="Very light colour, the last of them.")
    S = _value("S", description="Light colour.")
    T = _value("T", description="Light colour.")
    U = _value("U", description="Light colour.")
    V = _value("V", description="Light colour.")
    W = _value("W", description="Light colour.")
    X = _value("X", description="Light colour.")
    Y = _value("Y", description="Light colour.")
    Z = _value("Z", description="Light colour, the last before fancy colours.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="The clarity grade: what a trained eye sees at tenfold magnification.")
class ClarityGrade(Enum):
    FL = _value("FL", description="Flawless.")
    IF = _value("IF", description="Internally flawless.")
    VVS1 = _value("VVS1", description="Very, very slightly included, the better half.")
    VVS2 = _value("VVS2", description="Very, very slightly included.")
    VS1 = _value("VS1", description="Very slightly included, the better half.")
    VS2 = _value("VS2", description="Very slightly included.")
    SI1 = _value("SI1", description="Slightly included, the better half.")
    SI2 = _value("SI2", description="Slightly included.")
    SI3 = _value("SI3", description="Slightly included, the last before I1; not a GIA grade.")
    I1 = _value("I1", description="Included, the best third.")
    I2 = _value("I2", description="Included.")
    I3 = _value("I3", description="Included, the last third.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="How well a diamond is cut, polished or arranged.")
class CutGrade(Enum):
    IDEAL = _value("IDEAL", description="Ideal, the best.")
    EXCELLENT = _value("EXCELLENT", description="Excellent.")
    PREMIUM = _value("PREMIUM", description="Premium: a grade of the trade, not of a laboratory.")
    VERY_GOOD = _value("VERY_GOOD", description="Very good.")
    GOOD = _value("GOOD", description="Good.")
    FAIR = _value("FAIR", description="Fair.")
    POOR = _value("POOR", description="Poor.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="How strongly a diamond glows under ultraviolet light.")
class Fluorescence(Enum):
    NONE = _value("NONE", description="Not at all.")
    FAINT = _value("FAINT", description="Faintly.")
    MEDIUM = _value("MEDIUM", description="Visibly.")
    STRONG = _value("STRONG", description="Strongly.")
    VERY_STRONG = _value("VERY_STRONG", description="Very strongly.")
    OTHER = _value("OTHER", description=_UNLISTED)


@strawberry.enum(description="Whether a diamond can be had.")
class Availability(Enum):
    AVAILABLE = _value("available", description="It can be held and bought.")
    ON_HOLD = _value("on_hold", description="Someone holds it; it may come back.")
    SOLD = _value("sold", description="It is sold.")
    UNAVAILABLE = _value("unavailable", description="It can't be had, for a reason that the supplier keeps.")


def graded(scale: type[E], text: str | None) -> E | None:
    """The member of a scale with a grade's text; `OTHER` for an unknown one, None for none."""
    if text is None:
        return None
    members: Mapping[str, E] = _members(scale)
    return members.get(text) or members["OTHER"]


@cache
def _members(scale: type[E]) -> Mapping[str, E]:
    """By their texts: a page asks for some hundred, and calling the enum takes five times as long."""
    return {member.value: member for member in scale}
