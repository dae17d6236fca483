"""How suppliers spell shapes, grades, colours and availability, and what each spelling means.

A spelling is compared in capitals, with single spaces for whatever separates its words. Nothing is guessed from a part
of a word: "NOT AVAILABLE" contains "AVAILABLE".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from app.catalog import grades

Graded = tuple[str | None, int | None]
"""A grade and its rank. An unknown grade keeps its text and has no rank."""

_SEPARATORS = re.compile(r"[\s\-_./,]+")
_NOTHING = frozenset({"", "NONE", "N A", "NA", "NULL", "NIL", "UNKNOWN", "NOT APPLICABLE"})
_SPELLINGS = 4096

_SHAPES = {
    "ROUND": ("RB", "RD", "RND", "BR", "BRILLIANT"),
    "PRINCESS": ("PR", "PRN"),
    "CUSHION": (
        "CU", "CUS", "CUSHION B", "CUSHION MODIFIED", "CUSHION MODIFIED BRILLIANT", "CUSHION BRIL MODIFIED", "CMB", "CB",
        "SQUARE CUSHION", "LONG CUSHION",
    ),
    "EMERALD": ("EM",),
    "OVAL": ("OV",),
    "PEAR": ("PS",),
    "MARQUISE": ("MQ", "NAVETTE"),
    "ASSCHER": ("AS", "ASS", "SQUARE EMERALD", "SQ EMERALD"),
    "RADIANT": ("RA", "RAD", "SQUARE RADIANT", "SQ RADIANT", "LONG RADIANT"),
    "HEART": ("HS", "HT"),
    "TRILLIANT": ("TR", "TRI", "TRILLION", "TRIANGLE", "TRIANGULAR"),
    "BAGUETTE": ("BG", "BAG", "TAPERED BAGUETTE", "STRAIGHT BAGUETTE"),
    "OLD_MINE": ("OMC", "OLD MINER"),
    "OLD_EUROPEAN": ("OEC", "EUROPEAN"),
    "ROSE": (),
    "TRAPEZOID": ("TRAPEZE", "TRAPEZIUM", "TZ"),
    "SHIELD": (),
    "KITE": (),
    "HEXAGONAL": ("HEXAGON", "HEX"),
}  # fmt: skip
_SHAPE_ENDINGS = (" BRILLIANT", " CUT", " SHAPE")
_CLARITIES = {
    "FL": ("FLAWLESS",),
    "IF": ("INTERNALLY FLAWLESS", "LC", "LOUPE CLEAN"),
    "I1": ("P1", "PIQUE 1"),
    "I2": ("P2", "PIQUE 2"),
    "I3": ("P3", "PIQUE 3"),
}
_CUTS = {
    "IDEAL": ("ID", "IDL", "SUPER IDEAL", "8X"),
    "EXCELLENT": ("EX", "EXC", "X", "EXCEL", "3EX", "3X", "XXX", "TRIPLE EXCELLENT"),
    "PREMIUM": ("PREM",),
    "VERY_GOOD": ("VG", "V GOOD", "VGD", "VERYGOOD"),
    "GOOD": ("G", "GD"),
    "FAIR": ("F", "FR"),
    "POOR": ("P", "PR"),
}
_FLUORESCENCES = {
    "NONE": ("NON", "NO", "N", "NIL", "INERT"),
    "FAINT": ("FNT", "F", "FA", "SLT", "SL", "SLIGHT", "VSLT", "VSL", "VERY SLIGHT", "NEGLIGIBLE"),
    "MEDIUM": ("MED", "M", "MD"),
    "STRONG": ("STG", "ST", "S", "STR"),
    "VERY_STRONG": ("VST", "VSTG", "VS", "V STRONG"),
}
_INTENSITIES = {
    "FAINT": ("FNT",),
    "VERY_LIGHT": ("VL",),
    "LIGHT": ("L",),
    "FANCY_LIGHT": ("FL", "FCL"),
    "FANCY": ("F", "FC"),
    "FANCY_INTENSE": ("FI", "FCI", "INTENSE"),
    "FANCY_VIVID": ("FV", "FCV", "VIVID"),
    "FANCY_DEEP": ("FD", "FDP", "FCD", "DEEP"),
    "FANCY_DARK": ("FDK", "DARK"),
}
_HUES = {
    "BLACK": ("BLACKISH",),
    "BLUE": ("BLU", "BLUISH", "B"),
    "BROWN": ("BRN", "BROWNISH"),
    "CHAMELEON": (),
    "CHAMPAGNE": (),
    "COGNAC": (),
    "GRAY": ("GREY", "GRAYISH", "GREYISH"),
    "GREEN": ("GRN", "GREENISH"),
    "OLIVE": (),
    "ORANGE": ("ORANGY", "ORANGEY", "ORANGISH", "ORG"),
    "PINK": ("PNK", "PINKISH"),
    "PURPLE": ("PURPLISH", "PUR"),
    "RED": ("REDDISH",),
    "VIOLET": ("VIOLETISH", "VIO"),
    "WHITE": ("WHITISH",),
    "YELLOW": ("YEL", "YELLOWISH", "Y"),
}
_AVAILABILITIES = {
    "AVAILABLE": "available",
    "HOLD": "on_hold",
    "ON HOLD": "on_hold",
    "ONHOLD": "on_hold",
    "SOLD": "sold",
}


def _table(spellings: Mapping[str, Sequence[str]], listed: Sequence[str] = ()) -> Mapping[str, str]:
    """From every spelling, and every grade's own name, to the grade."""
    table = {_key(grade): grade for grade in (*listed, *spellings)}
    return table | {spelling: grade for grade, others in spellings.items() for spelling in others}


def _key(text: str) -> str:
    return _SEPARATORS.sub(" ", text.upper()).strip()


def _scale(
    spellings: Mapping[str, Sequence[str]], listed: Sequence[str], squeeze: Callable[[str], str] = str
) -> Callable[[str | None], Graded]:
    table, ranks = _table(spellings, listed), grades.ranks(listed)

    @lru_cache(_SPELLINGS)
    def grade(text: str | None) -> Graded:
        key = _key(text or "").rstrip("+ ")
        if key in _NOTHING and key not in table:
            return None, None
        found = table.get(key) or table.get(squeeze(key))
        return (found, ranks[found]) if found else (text, None)

    return grade


clarity = _scale(_CLARITIES, grades.CLARITIES, lambda key: key.replace(" ", ""))
"""VVS1 from "vvs-1"; piqué 1 to 3 are I1 to I3, loupe clean is IF."""
cut = _scale(_CUTS, grades.CUTS)
finish = cut
"""Polish and symmetry, which share the grades of the cut."""
_fluorescence = _scale(_FLUORESCENCES, grades.FLUORESCENCES)
_shapes = _table(_SHAPES)
_hues = _table(_HUES)
_intensities = _table(_INTENSITIES)
_color_ranks = grades.ranks(grades.COLORS)


@lru_cache(_SPELLINGS)
def shape(text: str | None) -> str:
    """The shape; OTHER for an unknown one."""
    key = _key(text or "")
    for ending in _SHAPE_ENDINGS:
        key = key if key in _shapes else key.removesuffix(ending)
    return _shapes.get(key, "OTHER")


@lru_cache(_SPELLINGS)
def color(text: str | None) -> Graded:
    """The colour: D to Z. A range ("O-P") keeps both letters and ranks as the lesser: nobody gets less than he asked for."""
    key = _key(text or "").rstrip("+ ")
    if key in _NOTHING and key not in _color_ranks:
        return None, None
    letters = key.replace(" TO ", "").replace(" ", "")
    if letters in _color_ranks:
        return letters, _color_ranks[letters]
    match tuple(letters):
        case (better, lesser) if better in _color_ranks and lesser in _color_ranks and better < lesser:
            return f"{better}-{lesser}", _color_ranks[lesser]
    return text, None


@lru_cache(_SPELLINGS)
def fluorescence(intensity: str | None, hue: str | None) -> tuple[str | None, int | None, str | None]:
    """Fluorescence, its rank and its colour, which may stand behind the intensity: "Very Strong Blue"."""
    words = _key(intensity or "").split()
    if len(words) > 1 and words[-1] in _hues:
        intensity = " ".join(words[:-1])
        hue = hue or words[-1]
    grade, rank = _fluorescence(intensity)
    # "None" as a text means that there is none, not that nothing is known; that is what an empty one means.
    return grade, rank, hues(hue)


@lru_cache(_SPELLINGS)
def hues(text: str | None) -> str | None:
    """A colour by its hues in alphabetical order: "BROWN ORANGE" and "Orange-Brown" are one. Unknown words stay as they are."""
    words = [word for word in _key(text or "").split() if word not in _INTENSITY_WORDS]
    if " ".join(words) in _NOTHING:
        return None
    known = {_hues[word] for word in words if word in _hues}
    return "-".join(sorted(known)) if all(word in _hues for word in words) else "-".join(words)


@lru_cache(_SPELLINGS)
def intensity(text: str | None) -> str | None:
    """The intensity of a fancy colour, with or without the colour behind it; an unknown one keeps its text."""
    key = _key(text or "")
    if key in _NOTHING:
        return None
    without_hues = " ".join(word for word in key.split() if word in _INTENSITY_WORDS or word not in _hues)
    return _intensities.get(without_hues, text)


@lru_cache(_SPELLINGS)
def availability(text: str | None) -> str:
    """Whether it can be bought; what is not known to be for sale is not."""
    return _AVAILABILITIES.get(_key(text or ""), "unavailable")


_INTENSITY_WORDS = frozenset(word for spelling in _INTENSITIES for word in spelling.split("_"))
