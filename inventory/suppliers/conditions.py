"""Condition of a stone: eye-clean, tinge and treatment, parsed from an item.

Each value is yes, no or unknown (None). Another text ("90%", "Borderline") is unknown; the attributes contain the text.
"""

from functools import lru_cache
from typing import Any

from inventory.catalog.vocabulary.keys import NOTHING, REMEMBERED, key
from inventory.suppliers.values import flag, text

_EYE = frozenset({"EYE", "CLEAN", "EYECLEAN", "EC"})
_CLEAN = frozenset({"", "YES", "Y", "TRUE", "T", "1", "100%", "100 %", "YES 100%", "100% YES", "100"})
_NOT_CLEAN = frozenset({"NO", "N", "NOT", "NON", "FALSE", "F", "0", "0%", "0 %"})
_STRENGTHS = frozenset({"SLIGHT", "FAINT", "LIGHT", "MEDIUM", "STRONG", "HEAVY", "EXTREME", "MODERATE", "INTENSE"})
_TINGES = frozenset({"BROWN", "BROWNISH", "GREEN", "GREENISH", "MILKY", "TINGE", "TINGED", "TINT", "TINTED"})
_ABSENT = frozenset({"NONE", "NIL", "NON", "NO", "NOT", "WITHOUT", "ZERO"})
_UNTREATED = frozenset({
    "NONE", "NIL", "UNTREATED", "NOT TREATED", "NON TREATED", "NO TREATMENT", "NO TREATMENTS", "WITHOUT TREATMENT", "AS GROWN",
    "NO INDICATION OF TREATMENT", "NO INDICATIONS OF TREATMENT",
})  # fmt: skip
_TREATMENTS = frozenset({
    "TREATED", "TREATMENT", "HPHT", "HTHP", "IRRADIATED", "IRRADIATION", "COATED", "COATING", "DRILLED", "LD", "LASERED",
    "LASER", "ENHANCED", "ENHANCEMENT", "FILLED", "FF", "ANNEALED", "ANNEALING", "PROCESSED", "HEATED", "HEAT", "CE",
})  # fmt: skip
_NEGATIONS = frozenset({"NO", "NOT", "NON", "WITHOUT", "NONE", "MAY", "POSSIBLY", "UNKNOWN"})


def eye_clean(value: Any) -> bool | None:
    """Whether the stone is eye-clean. A share of 100% is a yes, any other share is unknown."""
    return _eye_clean(value) if type(value) is str else flag(value)


def tinge(value: Any) -> bool | None:
    """Whether the stone has a tinge, from a flag or the strength of the tinge."""
    return _tinge(value) if type(value) is str else flag(value)


def stated_tinge(value: Any) -> bool | str | None:
    """Return a flag if one is stated ("None" is a no), otherwise the text ("Light")."""
    return _stated_tinge(value) if type(value) is str else None if value is None else _flag_or_text(value)


def treated(value: Any) -> bool | None:
    """Whether the stone was treated, from a flag or the name of the treatment."""
    return _treated(value) if type(value) is str else flag(value)


@lru_cache(REMEMBERED)
def _eye_clean(value: str) -> bool | None:
    if (answer := flag(value)) is not None:
        return answer
    words = key(value).split()
    rest = " ".join(word for word in words if word not in _EYE)
    if not words or " ".join(words) in NOTHING:
        return None
    return True if rest in _CLEAN else False if rest in _NOT_CLEAN else None


@lru_cache(REMEMBERED)
def _tinge(value: str) -> bool | None:
    if (answer := flag(value)) is not None:
        return answer
    words = key(value).split()
    if not words or words[0] in _ABSENT:
        return False if words else None
    return True if not (_STRENGTHS | _TINGES).isdisjoint(words) else None


@lru_cache(REMEMBERED)
def _stated_tinge(value: str) -> bool | str | None:
    return False if key(value) in {"NONE", "NIL"} else _flag_or_text(value)


def _flag_or_text(value: Any) -> bool | str | None:
    answer = flag(value)
    return text(value) if answer is None else answer


@lru_cache(REMEMBERED)
def _treated(value: str) -> bool | None:
    if (answer := flag(value)) is not None:
        return answer
    found = key(value)
    if found in _UNTREATED:
        return False
    words = frozenset(found.split())
    return True if words & _TREATMENTS and not words & _NEGATIONS else None
