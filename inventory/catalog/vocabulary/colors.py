"""Normalization of colours: grades D to Z with ranges, fancy colours, and fluorescence."""

import re
from functools import lru_cache
from itertools import pairwise

from inventory.catalog import grades
from inventory.catalog.vocabulary.keys import NOTHING, REMEMBERED, key, table
from inventory.catalog.vocabulary.scales import Graded, lower_of

_HUES = {
    "BLACK": ("BLACKISH", "BLK"),
    "BLUE": ("BLU", "BLUISH", "B"),
    "BROWN": ("BRN", "BROWNISH"),
    "CHAMELEON": (),
    "CHAMPAGNE": (),
    "COGNAC": (),
    "GRAY": ("GREY", "GRAYISH", "GREYISH", "GRY"),
    "GREEN": ("GRN", "GREENISH"),
    "OLIVE": (),
    "ORANGE": ("ORANGY", "ORANGEY", "ORANGISH", "ORG"),
    "PINK": ("PNK", "PINKISH"),
    "PURPLE": ("PURPLISH", "PUR"),
    "RED": ("REDDISH",),
    "VIOLET": ("VIOLETISH", "VIO"),
    "WHITE": ("WHITISH", "WHT"),
    "YELLOW": ("YEL", "YELLOWISH", "Y"),
}
# Codes of fluorescence colours, which conflict with codes of fancy colours.
_GLOWS = {
    "BL": "BLUE",
    "BU": "BLUE",
    "W": "WHITE",
    "WH": "WHITE",
    "YL": "YELLOW",
    "YE": "YELLOW",
    "G": "GREEN",
    "O": "ORANGE",
}
_NO_GLOW = NOTHING | {"N", "NO", "NON", "INERT"}
_INTENSITIES = {
    "FAINT": ("FNT",),
    "VERY_LIGHT": ("VL", "V LIGHT", "VERY LT"),
    "LIGHT": ("L", "LT"),
    "FANCY_LIGHT": ("FL", "FCL", "FANCY LT"),
    "FANCY": ("F", "FC"),
    "FANCY_INTENSE": ("FI", "FCI", "INTENSE"),
    "FANCY_VIVID": ("FV", "FCV", "VIVID"),
    "FANCY_DEEP": ("FD", "FDP", "FCD", "DEEP"),
    "FANCY_DARK": ("FDK", "DARK"),
}
_FLUORESCENCES = {
    "NONE": ("NON", "NO", "N", "NIL", "INERT"),
    "FAINT": (
        "FNT", "F", "FA", "SLT", "SL", "SLIGHT", "SLIGHTLY", "VSLT", "VSL", "VERY SLIGHT", "V SLIGHT", "VERY FAINT", "NEGLIGIBLE",
        "NEG", "WEAK",
    ),
    "MEDIUM": ("MED", "M", "MD", "MODERATE"),
    "STRONG": ("STG", "STN", "ST", "S", "STR"),
    "VERY_STRONG": ("VST", "VSTG", "VSTN", "VS", "V STRONG", "VERY STG", "EXTREMELY STRONG"),
}  # fmt: skip
_COLOR_WORDS = frozenset({"RANGE", "COLOR", "COLOUR", "GRADE"})
_TINT_WORDS = frozenset({"TINT", "TINTED", "TINGE", "TINGED", "VERY", "FAINT", "LIGHT"})
_GLOW_WORDS = frozenset({"FLUORESCENCE", "FLUORESCENT", "FLUO", "COLOR", "COLOUR"})
_LETTERS = re.compile(r"[D-Z]{1,3}|TO")
# Joined letters that are not adjacent are other words ("EX", "SI"). These two pairs are in the supplier's list.
_DISTANT_PAIRS = frozenset({"PR", "SZ"})

_hues = table(_HUES)
_intensities = table(_INTENSITIES)
_intensity_words = frozenset(word for name in _INTENSITIES for word in name.split("_"))
_color_ranks = grades.ranks(grades.COLORS)
_fluorescences = table(_FLUORESCENCES, grades.FLUORESCENCES)
_fluorescence_ranks = grades.ranks(grades.FLUORESCENCES)
_NO_HUES = (
    _GLOW_WORDS | {"TO", "OR"} | {word for spelling in _fluorescences for word in spelling.split() if len(word) > 1}
)


@lru_cache(REMEMBERED)
def color(text: str | None) -> Graded:
    """Normalize a colour grade. A range ("O-P", "Q to R Range") keeps both letters and has the rank of the lower grade.

    Words behind the letters ("K, Faint Brown") describe the grade; they must be known as well.
    """
    found = key(text or "").rstrip("+* ")
    if found in NOTHING:
        return None, None
    words = [word for word in found.split() if word not in _COLOR_WORDS]
    count = next((place for place, word in enumerate(words) if not _LETTERS.fullmatch(word)), len(words))
    if all(word in _TINT_WORDS or word in _hues for word in words[count:]):
        tokens = [word for word in words[:count] if word != "TO"]
        letters = "".join(tokens)
        if len(letters) == 1:
            return letters, _color_ranks[letters]
        if _is_range(letters, apart=len(tokens) == len(letters)):
            best, lowest = min(letters), max(letters)
            return f"{best}-{lowest}", _color_ranks[lowest]
    return text, None


def _is_range(letters: str, *, apart: bool) -> bool:
    """Whether letters are a range of grades. `apart`: the letters are separated."""
    if len(letters) < 2 or len({*letters}) < len(letters):  # noqa: PLR2004 - a range has two ends
        return False
    consecutive = all(ord(second) - ord(first) == 1 for first, second in pairwise(letters))
    return consecutive or letters in _DISTANT_PAIRS or (apart and len(letters) == 2)  # noqa: PLR2004


@lru_cache(REMEMBERED)
def hues(text: str | None) -> str | None:
    """Normalize hues to alphabetical order: "BROWN ORANGE" and "Orange-Brown" are equal. Unknown words are kept."""
    words = [word for word in key(text or "").split() if word not in _intensity_words]
    if " ".join(words) in NOTHING:
        return None
    known = {_hues[word] for word in words if word in _hues}
    return "-".join(sorted(known)) if all(word in _hues for word in words) else "-".join(words)


@lru_cache(REMEMBERED)
def intensity(text: str | None) -> str | None:
    """Normalize the intensity of a fancy colour, with or without a following colour. An unknown one keeps its text."""
    found = key(text or "")
    if found in NOTHING:
        return None
    without_hues = " ".join(word for word in found.split() if word in _intensity_words or word not in _hues)
    return _intensities.get(without_hues) or _intensities.get(found) or text


@lru_cache(REMEMBERED)
def fancy(text: str | None) -> tuple[str | None, str | None]:
    """Parse hues and intensity of a fancy colour ("Fancy Light Yellow"). Returns (None, None) unless both are known."""
    words = key(text or "").split()
    strengths = [word for word in words if word in _intensity_words]
    colors = [word for word in words if word not in _intensity_words]
    strength = _intensities.get(" ".join(strengths))
    if not strength or not colors or any(word not in _hues for word in colors):
        return None, None
    return hues(" ".join(colors)), strength


@lru_cache(REMEMBERED)
def fluorescence(strength: str | None, hue: str | None) -> tuple[str | None, int | None, str | None]:
    """Normalize fluorescence. Returns strength, rank and colour.

    The colour may follow the strength ("Strong Bluish White"), or the field of the colour may contain both.
    """
    if key(strength or "") in {"", "NULL"} and hue and _strength(hue)[1] is not None and _strength(hue)[2]:
        strength = hue
        hue = None
    grade, rank, own = _strength(strength or "")
    return grade, rank, _glow(hue) or own


def _strength(text: str) -> tuple[str | None, int | None, str | None]:
    words = key(text).split()
    grade, rank = _single(text)
    if rank is not None:
        return grade, rank, _glow(" ".join(words[_strength_length(words) :]))
    # "None" means no fluorescence; an empty text means unknown.
    if key(text) in NOTHING:
        return None, None, None
    ranged = lower_of(text, _single)
    return (*ranged, _glow(text)) if ranged else (text, None, None)


def _single(text: str) -> Graded:
    words = key(text).split()
    grade = _fluorescences.get(" ".join(words[: _strength_length(words)]))
    return (grade, _fluorescence_ranks[grade]) if grade else (None, None)


def _strength_length(words: list[str]) -> int:
    """Number of leading words that are not a colour."""
    place = len(words)
    while place > 1 and (words[place - 1] in _hues or words[place - 1] in _GLOWS or words[place - 1] in _GLOW_WORDS):
        place -= 1
    return place


@lru_cache(REMEMBERED)
def _glow(text: str | None) -> str | None:
    if key(text or "") in _NO_GLOW:
        return None
    return hues(" ".join(_GLOWS.get(word, word) for word in key(text or "").split() if word not in _NO_HUES))
