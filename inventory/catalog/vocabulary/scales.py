"""Normalization of clarity, cut, polish and symmetry. A range has the lower grade."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from inventory.catalog import grades
from inventory.catalog.vocabulary.keys import NOTHING, REMEMBERED, key, table

Graded = tuple[str | None, int | None]
"""A grade and its rank. An unknown grade keeps its text and has no rank."""

_CLARITIES = {
    "FL": ("FLAWLESS",),
    "IF": ("INTERNALLY FLAWLESS", "LC", "LOUPE CLEAN"),
    "I1": ("P1", "PIQUE 1"),
    "I2": ("P2", "PIQUE 2"),
    "I3": ("P3", "PIQUE 3"),
}
_CUTS = {
    "IDEAL": ("ID", "IDL", "SUPER IDEAL", "8X", "EIGHTX", "EIGHT X", "GCAL 8X", "AGS IDEAL", "AGS 0", "AGS 000", "TRIPLE IDEAL"),
    "EXCELLENT": (
        "EX", "EXC", "EXL", "X", "EXCEL", "EXCELL", "3EX", "3 EX", "3X", "XXX", "EX EX EX", "TRIPLE EX", "TRIPLE X",
        "TRIPLE EXCELLENT",
    ),
    "PREMIUM": ("PREM",),
    "VERY_GOOD": ("VG", "V GOOD", "V G", "VGD", "VERYGOOD", "VERY GD"),
    "GOOD": ("G", "GD"),
    "FAIR": ("F", "FR"),
    "POOR": ("P", "PR"),
}  # fmt: skip
_CUT_NOTHING = frozenset({"NOT GRADED", "UNGRADED", "NO GRADE"})
_FIELDS = (" CLARITY", " CUT", " POLISH", " SYMMETRY", " GRADE")
_RANGE = re.compile(r"\s+(?:to|or)\s+|\s*[-/&,\u2010-\u2015]\s*", re.IGNORECASE)


def lower_of(text: str, grade: Callable[[str], Graded]) -> Graded | None:
    """Lower grade of a range such as "Excellent to Very Good". Returns None if a part is not a grade."""
    parts = _RANGE.split(text.strip())
    if len(parts) != 2:  # noqa: PLR2004 - a range has two ends
        return None
    found = [grade(part) for part in parts]
    if any(rank is None for _, rank in found):
        return None
    return max(found, key=lambda one: one[1] or 0)


def scale(
    spellings: Mapping[str, Sequence[str]],
    listed: Sequence[str],
    *,
    squeeze: Callable[[str], str] = str,
    nothing: frozenset[str] = frozenset(),
) -> Callable[[str | None], Graded]:
    """Create a normalizer of grades. `squeeze`: maps a key to a key of the table; `nothing`: additional keys of no grade."""
    names, ranks, silent = table(spellings, listed), grades.ranks(listed), NOTHING | nothing

    def single(text: str) -> Graded:
        found = key(text).rstrip("+* ")
        for field in _FIELDS:
            found = found.removesuffix(field)
        grade = names.get(found) or names.get(squeeze(found))
        return (grade, ranks[grade]) if grade else (None, None)

    @lru_cache(REMEMBERED)
    def read(text: str | None) -> Graded:
        known = single(text or "")
        if known[1] is not None:
            return known
        if key(text or "").rstrip("+* ") in silent:
            return None, None
        return lower_of(text or "", single) or (text, None)

    return read


clarity = scale(_CLARITIES, grades.CLARITIES, squeeze=lambda text: text.replace(" ", ""))
"""Normalize clarity: "vvs-1" is VVS1, piqué 1 to 3 are I1 to I3, loupe clean is IF."""
cut = scale(_CUTS, grades.CUTS, nothing=_CUT_NOTHING)
"""Normalize cut."""
finish = cut
"""Normalize polish and symmetry, which have the same grades as cut."""
