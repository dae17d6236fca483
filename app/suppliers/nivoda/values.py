"""Single values of the wire, read whatever their type: texts, exact numbers, yes and no, addresses."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,99}(?:\.[0-9]{0,99})?|\.[0-9]{1,99})(?:[eE][+-]?[0-9]{1,3})?")
# More digits than `_NUMBER` lets through, so that nothing is rounded but on purpose.
_EXACT = Context(prec=250, rounding=ROUND_HALF_UP)
_LONGEST_WORD = 100
_TEXTS = 8192
_LARGEST_MEASURE = 1_000_000
_YES = frozenset({"YES", "Y", "TRUE", "1", "100%", "EYE CLEAN", "EYECLEAN"})
_NO = frozenset({"NO", "N", "FALSE", "0", "0%", "NONE", "NOT EYE CLEAN"})
_SLIGHT_OR_MORE = frozenset({"SLIGHT", "FAINT", "LIGHT", "MEDIUM", "STRONG", "HEAVY"})


class OutOfRange(ValueError):
    """A number that its column does not hold; the message is what is wrong with it."""


def text(value: Any) -> str | None:
    """The text of a string or a whole number, trimmed; None for an empty one and for everything else."""
    if type(value) is str:
        return value.strip() or None
    return str(value) if type(value) is int else None


def word(value: Any) -> str | None:
    """A text that is short enough to be a grade or a colour."""
    found = text(value)
    return found if found is None or len(found) <= _LONGEST_WORD else None


def number(value: Any) -> Decimal | None:
    """The number, exactly as it was written, be it a JSON number or a string; None for everything else."""
    if type(value) is str:
        return _number(value)
    return Decimal(value) if type(value) is int else None


def milli(amount: Decimal | None, most: int) -> int | None:
    """Thousandths of a positive amount, rounded half up; None for one that is not positive.

    Raises:
        OutOfRange: it is more than `most`.
    """
    if amount is None or amount <= 0:
        return None
    if amount > most:
        raise OutOfRange(f"is more than {most}")
    return int(_EXACT.to_integral_value(_EXACT.scaleb(amount, 3)))


def measure(value: Any) -> Decimal | None:
    """A number that can be a length, an angle or a proportion; None for everything else."""
    found = number(value)
    return found if found is not None and abs(found) < _LARGEST_MEASURE else None


def flag(value: Any) -> bool | None:
    """Yes or no in any of their spellings; None for everything else."""
    if type(value) is bool:
        return value
    if type(value) is str:
        return _flag(value)
    return value == 1 if type(value) is int and value in {0, 1} else None


def tinge(value: Any) -> bool | None:
    """Whether there is a tinge, by yes and no or by how strong it is."""
    answer = flag(value)
    if answer is None and type(value) is str:
        words = value.upper().split()
        if words and words[0] in {"NO", "NON"}:
            return False
        return not _SLIGHT_OR_MORE.isdisjoint(words) or None
    return answer


def address(value: Any) -> str | None:
    """An http or https address; None for everything else, since pages put it into `src` and `href`."""
    found = text(value)
    if found and found.startswith("//"):
        return "https:" + found
    return found if found and found[:8].lower().startswith(("http://", "https://")) else None


# The same few thousand texts come again and again: "None", "61.8", "57.0".


@lru_cache(_TEXTS)
def _flag(value: str) -> bool | None:
    answer = value.strip().upper()
    return True if answer in _YES else False if answer in _NO else None


@lru_cache(_TEXTS)
def _number(value: str) -> Decimal | None:
    trimmed = value.strip()
    return Decimal(trimmed) if _NUMBER.fullmatch(trimmed) else None
