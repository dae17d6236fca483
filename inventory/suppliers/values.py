"""Parsers of single values of a supplier item of any JSON type: texts, exact numbers, flags, addresses."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,99}(?:\.[0-9]{0,99})?|\.[0-9]{1,99})(?:[eE][+-]?[0-9]{1,3})?")
_WITH_UNIT = re.compile(r"\s*([^\s%°]+?)\s*(?:mm|%|°|deg)\.?\s*", re.IGNORECASE)
_WITH_DAYS = re.compile(r"\s*([0-9]{1,4})\s*(?:business\s+)?days?\s*", re.IGNORECASE)
# More digits than `_NUMBER` accepts, so that arithmetic does not round implicitly.
_EXACT = Context(prec=250, rounding=ROUND_HALF_UP)
_MAX_WORD_LENGTH = 100
_ADDRESSES = ("https://", "http://")
_MAX_DIGITS = 40
_TEXTS = 8192
_LARGEST_MEASURE = 1_000_000
MAX_SIZE = 2_000_000
"""Largest size of a column: its thousandths fit into 32 bits."""
# Texts that represent a missing value.
_MAX_NULL_LENGTH = 9
_NULLS = frozenset({"", "null", "Null", "NULL", "undefined", "nan", "NaN", "NAN"})
_YES = frozenset({"YES", "Y", "TRUE", "T", "1"})
_NO = frozenset({"NO", "N", "FALSE", "F", "0"})


class OutOfRange(ValueError):
    """The number does not fit its column. The message is the problem."""


class Size:
    """A number as a size. `measure`: the number if it is plausible. `milli`: its thousandths as of `milli_size`, 0 for None.

    `milli` is -1 if `milli_size` raises OutOfRange.
    """

    __slots__ = ("measure", "milli")

    def __init__(self, amount: Decimal | None) -> None:
        self.measure = _possible(amount)
        try:
            self.milli = milli(amount, MAX_SIZE) or 0
        except OutOfRange:
            self.milli = -1


class Fraction(Size):
    """A JSON number with a fraction or an exponent. `written`: its text. `amount`: its value; None with too many digits."""

    __slots__ = ("amount", "written")

    def __init__(self, written: str) -> None:
        self.written = written
        self.amount = _number(written)
        super().__init__(self.amount)


def text(value: Any) -> str | None:
    """Return the trimmed text of a string or a number; None for an empty text and for other values.

    A whole number has no fraction: 4711.0 is "4711".
    """
    if value is None:
        return None
    if type(value) is str:
        trimmed = value.strip()
        return trimmed if len(trimmed) > _MAX_NULL_LENGTH or trimmed not in _NULLS else None
    if type(value) is int:
        return str(value)
    return _plain(value) if type(value) is Fraction else None


def identifier(value: Any) -> str | None:
    """Return an id unchanged, spaces included; None for a blank id and for other values."""
    found = text(value)
    return value if found is not None and type(value) is str else found


def word(value: Any) -> str | None:
    """Return a text that is short enough for a grade or a colour."""
    if value is None:
        return None
    found = text(value)
    return found if found is None or len(found) <= _MAX_WORD_LENGTH else None


def number(value: Any) -> Decimal | None:
    """Parse a JSON number or a string to an exact number; None for other values."""
    if type(value) is Fraction:
        return value.amount
    if type(value) is str:
        return _number(value)
    return Decimal(value) if type(value) is int else None


def milli(amount: Decimal | None, most: int) -> int | None:
    """Convert a positive amount to thousandths, rounded half up; None for other amounts.

    Raises:
        OutOfRange: the amount exceeds `most`.
    """
    if amount is None or amount <= 0:
        return None
    if amount > most:
        raise OutOfRange(f"is more than {most}")
    return int(_EXACT.to_integral_value(_EXACT.scaleb(amount, 3)))


def milli_size(value: Any) -> int | None:
    """Convert a positive size to thousandths; None for other values.

    Raises:
        OutOfRange: the size exceeds `MAX_SIZE`.
    """
    if value is None:
        return None
    known = value if type(value) is Fraction else _size(value) if type(value) is str else None
    if known is not None and known.milli >= 0:
        return known.milli or None
    return milli(size(value), MAX_SIZE) or None


def size(value: Any) -> Decimal | None:
    """Parse a length, a proportion or an angle with an optional unit ("6.43 mm", "61.8%"); None for other values."""
    found = number(value)
    if found is None and type(value) is str and (unit := _WITH_UNIT.fullmatch(value)):
        return _number(unit[1])
    return found


def measure(value: Any) -> Decimal | None:
    """Parse a plausible size, as `size`."""
    if value is None:
        return None
    if type(value) is str:
        return _size(value).measure
    return value.measure if type(value) is Fraction else _possible(size(value))


def days(value: Any) -> int | None:
    """Parse a number of days; None for other values."""
    if type(value) is int:
        return value if 0 <= value < _LARGEST_MEASURE else None
    if type(value) is str and (named := _WITH_DAYS.fullmatch(value)):
        return int(named[1])
    found = measure(value)
    return int(found) if found is not None and found >= 0 else None


def flag(value: Any) -> bool | None:
    """Parse a flag in any of its spellings; None for other values."""
    if type(value) is bool:
        return value
    if type(value) is str:
        return _flag(value)
    found = number(value)
    return found == 1 if found is not None and found in {0, 1} else None


def withheld(value: Any) -> bool:
    """Whether a flag such as `show_certificate_number` withholds a value.

    A missing flag or null withholds nothing. An unknown value withholds it.
    """
    if value is None or (type(value) is str and value.strip() in _NULLS):
        return False
    return flag(value) is not True


def address(value: Any) -> str | None:
    """Return an http or https address; None for other values, because pages insert it into `src` and `href`."""
    if value is None:
        return None
    found = text(value)
    if found and found.startswith(_ADDRESSES):
        return found
    if found and found.startswith("//"):
        return "https:" + found
    return found if found and found[:8].lower().startswith(_ADDRESSES) else None


# Cached: items repeat a few thousand texts, such as "None", "61.8", "57.0".


@lru_cache(_TEXTS)
def _flag(value: str) -> bool | None:
    answer = value.strip().upper()
    if answer in _YES or answer in _NO:
        return answer in _YES
    found = _number(value)
    return found == 1 if found is not None and found in {0, 1} else None


@lru_cache(_TEXTS)
def _size(value: str) -> Size:
    return Size(size(value))


@lru_cache(_TEXTS)
def _number(value: str) -> Decimal | None:
    trimmed = value.strip()
    return Decimal(trimmed) if _NUMBER.fullmatch(trimmed) else None


def _possible(amount: Decimal | None) -> Decimal | None:
    return amount if amount is not None and abs(amount) < _LARGEST_MEASURE else None


def _plain(value: Fraction) -> str:
    """Format a whole number without a fraction; any other number as it was written."""
    amount = value.amount
    if amount is None or abs(amount.adjusted()) > _MAX_DIGITS or amount != amount.to_integral_value():
        return value.written
    return str(int(amount))


fraction = lru_cache(_TEXTS)(Fraction)
"""Decode a JSON number with a fraction: hook of the decoders. Cached, because items repeat a few thousand values."""
