"""Normalization of shapes from dealers' codes, names, and laboratory phrases of outline and cutting style.

A phrase such as "Cut-Cornered Rectangular Modified Brilliant" is an outline with a style. Most outlines determine the shape;
squares and rectangles also need the style. docs/reference/vocabulary.md lists the sources and decisions.
"""

import re
from functools import lru_cache
from itertools import pairwise

from inventory.catalog.vocabulary.keys import REMEMBERED, key, table

OTHER = "OTHER"

_CODES = table({
    "ROUND": ("RB", "RD", "RND", "BR", "RBC", "BRILLIANT"),
    "PRINCESS": ("PR", "PRN", "PRIN", "PRINC", "SMB"),
    "CUSHION": ("CU", "CUS", "CUSH", "CB", "CM", "CMB", "CUB", "CUBR", "CUMBR", "RCRMB", "RCSMB"),
    "EMERALD": ("EM", "EC", "EMR"),
    "OVAL": ("OV", "OMB"),
    "PEAR": ("PS", "PSH", "PE", "PMB"),
    "MARQUISE": ("MQ", "MAR", "MARQ", "MQB", "NAVETTE", "MARQUIS"),
    "ASSCHER": ("AS", "ASS", "ASC", "ASH", "ASCHER", "ASHER", "ASSHER", "SQE", "SEM", "SQEM", "ROYAL ASSCHER"),
    "RADIANT": ("RA", "RAD", "RDN", "SQRA", "SQRAD", "LRAD", "CRMB", "CCRMB", "CCSMB", "CSMB"),
    "HEART": ("HS", "HT", "HE", "HRT"),
    "TRILLIANT": ("TR", "TRI", "TRIL", "TRILL", "TRIANGLE", "TRILLION", "TRIELLE"),
    "BAGUETTE": ("BG", "BAG", "TBG"),
    "OLD_MINE": ("OMC", "OLD MINER", "OLD MINE CUSHION"),
    "OLD_EUROPEAN": ("OEC", "EUROPEAN", "OLD EURO", "EURO", "EU"),
    "ROSE": (),
    "TRAPEZOID": ("TRAPEZE", "TRAPEZIUM", "TRAP", "TZ"),
    "SHIELD": (),
    "KITE": (),
    "HEXAGONAL": ("HEXAGON", "HEX"),
})  # fmt: skip

# Outlines that determine the shape for every cutting style.
_OUTLINES = {
    "ROUND": "ROUND", "CIRCULAR": "ROUND", "PRINCESS": "PRINCESS", "CUSHION": "CUSHION", "EMERALD": "EMERALD", "OVAL": "OVAL",
    "PEAR": "PEAR", "PEARS": "PEAR", "MARQUISE": "MARQUISE", "MARQUIS": "MARQUISE", "ASSCHER": "ASSCHER", "ASCHER": "ASSCHER",
    "RADIANT": "RADIANT", "HEART": "HEART", "HEARTS": "HEART", "TRIANGULAR": "TRILLIANT", "TRIANGLE": "TRILLIANT",
    "TRILLIANT": "TRILLIANT", "TRILLION": "TRILLIANT", "BAGUETTE": "BAGUETTE", "TRAPEZOID": "TRAPEZOID",
    "TRAPEZE": "TRAPEZOID", "TRAPEZOIDAL": "TRAPEZOID", "SHIELD": "SHIELD", "KITE": "KITE", "HEXAGONAL": "HEXAGONAL",
    "HEXAGON": "HEXAGONAL", "OLD MINE": "OLD_MINE", "OLD MINER": "OLD_MINE", "OLD MINE CUSHION": "OLD_MINE",
    "OLD EUROPEAN": "OLD_EUROPEAN", "EUROPEAN": "OLD_EUROPEAN", "ANTIQUE CUSHION": "CUSHION", "ROYAL ASSCHER": "ASSCHER",
    "ASSCHER EMERALD": "ASSCHER",
}  # fmt: skip
_SPELLINGS = {
    "BRIL": "BRILLIANT", "BRILL": "BRILLIANT", "BRILLANT": "BRILLIANT", "BRILLIANTS": "BRILLIANT", "BRI": "BRILLIANT",
    "B": "BRILLIANT", "BR": "BRILLIANT", "MB": "MODIFIED", "MBR": "MODIFIED", "MOD": "MODIFIED", "MODIFY": "MODIFIED",
    "SQ": "SQUARE", "SQR": "SQUARE", "RECT": "RECTANGULAR", "RECTANGLE": "RECTANGULAR", "EM": "EMERALD", "RAD": "RADIANT",
    "EC": "EMERALD", "L": "LONG", "CORNER": "CORNERED", "CORNERS": "CORNERED", "CROPPED": "CUT", "CLIPPED": "CUT",
    "TRUNCATED": "CUT", "BEVELED": "CUT", "BEVELLED": "CUT", "ROUNDED": "ROUND",
}  # fmt: skip
# Words beside the outline. Lengths ("long radiant") and tops ("bent top", "buff top") do not change the shape.
_STYLES = frozenset({
    "BRILLIANT", "MODIFIED", "STEP", "MIXED", "PORTRAIT", "NOVELTY", "ROSE", "DOUBLE", "SINGLE", "CUT", "SHAPE", "SHAPED",
    "DIAMOND", "LONG", "ELONGATED", "TAPERED", "STRAIGHT", "BENT", "BUFF", "TOP", "SCALLOPED", "EDGE",
    "IDEAL", "AND", "ARROWS",
})  # fmt: skip
_SIDES = frozenset({"SQUARE", "RECTANGULAR"})
# GIA adds the number of steps and a code: "Emerald Cut (3 Step, E21)".
_REMARK = re.compile(r"\([^()]*\)")


@lru_cache(REMEMBERED)
def shape(text: str | None) -> str:
    """Normalize a shape to one of `grades.SHAPES`. An unknown shape is OTHER."""
    found = key(_REMARK.sub(" ", text or ""))
    return _CODES.get(found) or _phrase(found)


def _phrase(found: str) -> str:
    words = [_SPELLINGS.get(word, word) for word in found.split()]
    corners = _corners(words)
    styles = _STYLES.intersection(words)
    if "ROSE" in styles:
        return "ROSE"
    # "Hearts and arrows" is a pattern of a round brilliant, not an outline.
    outline = [word for word in words if word not in _STYLES and not ("ARROWS" in styles and word == "HEARTS")]
    sides = _SIDES.intersection(outline)
    name = " ".join(word for word in outline if word not in _SIDES)
    if name == "EMERALD" and "SQUARE" in sides:
        return "ASSCHER"
    if name:
        return _OUTLINES.get(name) or _CODES.get(name, OTHER)
    # In "Modified Square Brilliant" the outline is modified; in "Square Modified Brilliant" only the style is.
    if len(sides) != 1 or words[0] == "MODIFIED":
        return OTHER
    return _four_sided(corners, styles, square="SQUARE" in sides)


def _corners(words: list[str]) -> str | None:
    """Find the form of the corners, CUT or ROUND, and remove its words from the list."""
    for place, (first, second) in enumerate(pairwise(words)):
        if second == "CORNERED" and first in {"CUT", "ROUND"}:
            del words[place : place + 2]
            return first
    return None


def _four_sided(corners: str | None, styles: frozenset[str], *, square: bool) -> str:
    if "BRILLIANT" in styles or "MODIFIED" in styles:
        return {None: "PRINCESS", "CUT": "RADIANT"}.get(corners, "CUSHION")
    if "STEP" in styles and corners == "CUT":
        return "ASSCHER" if square else "EMERALD"
    return "BAGUETTE" if "STEP" in styles and corners is None and not square else OTHER
