"""Parsers of cells: numbers by pattern, prices, measurements, report numbers. Pure.

A cell that is present but not understood raises `CellNotUnderstood`; the caller decides whether the row or the field is affected.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import msgspec

_SHOWN = 40
_MAX_IDENTIFIER_LENGTH = 100
_FORMULA = re.compile(r'="([^"]*)"')  # Excel's notation of a text that looks like a number
_E_NOTATION = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]{1,3}", re.IGNORECASE)
_REPORT_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9 _/-]*", re.IGNORECASE)
_CURRENCY = re.compile(r"^(?:US\s?\$|USD|\$)\s*|\s*(?:US\s?\$|USD|\$)$", re.IGNORECASE)
_UNIT = re.compile(r"\s*(?:mm|%|°|deg|cts?\.?|carats?|pts?\.?)$", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*[x\u00d7*|\u2010-\u2015\u2212-]\s*|\s+", re.IGNORECASE)
_CENTS = Decimal("0.01")
_DAYS = re.compile(r"([0-9]{1,4})(?:\.0+)?(?:\s*(?:business\s+)?days?)?", re.IGNORECASE)
_REMEMBERED = 8192


class CellNotUnderstood(ValueError):
    """A cell is present but not understood. The message is the problem, such as `is not a number`."""


class NumberFormat(msgspec.Struct, frozen=True):
    """Decimal and group characters of a file."""

    decimal: str
    group: str

    def parse(self, text: str, *, grouped: bool = False) -> Decimal:
        """Parse a number. `grouped`: group characters are accepted.

        Raises:
            CellNotUnderstood: the text is not a number in this format.
        """
        pattern = _pattern(self.decimal, self.group if grouped else "")
        if not pattern.fullmatch(text):
            raise CellNotUnderstood(f"is not a number ({shown(text)})")
        digits = text.replace(self.group, "") if grouped and self.group else text
        return Decimal(digits.replace(self.decimal, "."))


@lru_cache(16)
def _pattern(decimal: str, group: str) -> re.Pattern[str]:
    # Groups of two digits before the last three are of India: 1,23,456.
    whole = r"[0-9]{1,15}"
    if group:
        separator = re.escape(group)
        whole = rf"(?:{whole}|[0-9]{{1,3}}(?:{separator}[0-9]{{2,3}}){{0,4}}{separator}[0-9]{{3}})"
    point = re.escape(decimal)
    return re.compile(rf"[+-]?(?:{whole}(?:{point}[0-9]{{0,10}})?|{point}[0-9]{{1,10}})")


def shown(text: str) -> str:
    """Quote a cell for a message, cut to 40 characters."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def clean(cell: str) -> str:
    """Trim a cell and remove Excel's marks of a text: a leading apostrophe, or ="..."."""
    text = cell.strip()
    if text.startswith("'"):
        return text[1:].strip()
    if text.startswith("=") and (found := _FORMULA.fullmatch(text)):
        return found[1].strip()
    return text


def number(text: str, form: NumberFormat) -> Decimal:
    """Parse a weight, a proportion or a length, with an optional unit.

    Raises:
        CellNotUnderstood: the text is not a number.
    """
    return form.parse(_UNIT.sub("", text))


def price(text: str, form: NumberFormat) -> Decimal:
    """Parse a price in the unit of the column, with an optional sign of the US dollar.

    Raises:
        CellNotUnderstood: the text is not a number, or names another currency.
    """
    return form.parse(_CURRENCY.sub("", text), grouped=True)


def ulp(amount: Decimal) -> Decimal:
    """Value of one unit of the last written digit: 0.01 for 12.50, 1 for 12."""
    exponent = amount.as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(1)


def round_to_cent(amount: Decimal) -> Decimal:
    """Round dollars half up to the cent."""
    return amount.quantize(_CENTS, rounding=ROUND_HALF_UP)


def measurements(text: str, form: NumberFormat) -> tuple[Decimal, Decimal, Decimal | None]:
    """Parse length, width and depth in millimetres. Rounds state the smallest and the largest diameter first.

    Separators: x, *, |, hyphens and dashes, spaces. The depth may be missing.

    Raises:
        CellNotUnderstood: the text is not two or three positive numbers.
    """
    return _measurements(text, form)


@lru_cache(_REMEMBERED)
def _measurements(text: str, form: NumberFormat) -> tuple[Decimal, Decimal, Decimal | None]:
    parts = [part for part in _SEPARATOR.split(_UNIT.sub("", text)) if part.lower() not in {"", "mm"}]
    try:
        sizes = [number(part, form) for part in parts]
    except CellNotUnderstood:
        sizes = []
    if len(sizes) not in {2, 3} or any(size <= 0 for size in sizes):
        raise CellNotUnderstood(f"is not length, width and depth ({shown(text)})")
    return sizes[0], sizes[1], sizes[2] if len(sizes) > 2 else None  # noqa: PLR2004


def identifier(text: str) -> str:
    """Check a stock number.

    Raises:
        CellNotUnderstood: it is too long, or Excel has replaced its digits.
    """
    if len(text) > _MAX_IDENTIFIER_LENGTH:
        raise CellNotUnderstood(f"is longer than {_MAX_IDENTIFIER_LENGTH} characters")
    if not text.isprintable():
        raise CellNotUnderstood(f"has a character that is not printable ({shown(text)})")
    if "+" in text and _E_NOTATION.fullmatch(text):
        raise CellNotUnderstood(f"is a number in E notation ({shown(text)}): Excel has removed its digits")
    return text


def report_number(text: str) -> str:
    """Check a report number.

    Raises:
        CellNotUnderstood: it is in E notation (Excel has removed its digits), or has a character that no report number has.
    """
    if _E_NOTATION.fullmatch(text) and ("+" in text or "." in text or "," in text):
        raise CellNotUnderstood(f"is a number in E notation ({shown(text)}): Excel has removed its digits")
    if len(text) > _MAX_IDENTIFIER_LENGTH or not _REPORT_NUMBER.fullmatch(text):
        raise CellNotUnderstood(f"is not a report number ({shown(text)})")
    return text


def days(text: str) -> int:
    """Parse a number of days.

    Raises:
        CellNotUnderstood: the text is not a number of days.
    """
    found = _DAYS.fullmatch(text)
    if not found:
        raise CellNotUnderstood(f"is not a number of days ({shown(text)})")
    return int(found[1])
