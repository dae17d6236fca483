"""Statements of a stone's origin, natural or lab-grown: words, report numbers and phrases of laboratories."""

import re
from functools import lru_cache
from typing import Any

from inventory.suppliers.values import number, text

_SEPARATORS = re.compile(r"[\s\-_./,]+")
_SILENT = frozenset({
    "", "NONE", "NULL", "NIL", "NAN", "N A", "NA", "NOT APPLICABLE", "NOT AVAILABLE", "UNKNOWN", "UNDEFINED",
})  # fmt: skip
_LAB_GROWN = frozenset({
    "TRUE", "T", "YES", "Y", "LG", "LGD", "LGDR", "LAB", "LABORATORY", "LAB GROWN", "LABGROWN", "LABORATORY GROWN",
    "LAB GROWN DIAMOND", "LABGROWN DIAMOND", "LABORATORY GROWN DIAMOND", "LAB DIAMOND", "LAB CREATED", "LABCREATED",
    "LAB CREATED DIAMOND", "LABORATORY CREATED", "LAB MADE", "LAB GROW", "MAN MADE", "MANMADE", "CREATED", "SYNTHETIC",
})  # fmt: skip
_NATURAL = frozenset({
    "FALSE", "F", "NO", "N", "NATURAL", "NAT", "NATURAL DIAMOND", "MINED", "MINED DIAMOND", "EARTH MINED",
    "EARTHMINED", "EARTH MINED DIAMOND", "NOT LAB GROWN", "NOT LABGROWN", "NON LAB GROWN", "NON LABGROWN", "NO LAB GROWN",
})  # fmt: skip
_METHODS = frozenset({"CVD", "MPCVD", "HPHT", "HTHP", "IIA"})
# Words allowed next to a method of growth. "HPHT processed" is a treatment, also of natural stones.
_BESIDE_METHODS = frozenset({
    "AS", "GROWN", "GROWTH", "CREATED", "LAB", "LABORATORY", "LABGROWN", "DIAMOND", "AND", "OR", "BY", "TYPE", "METHOD",
})  # fmt: skip
# IGI numbers its reports of lab-grown stones LG1234567, other laboratories LG-123 or LGD 123.
_LAB_GROWN_NUMBER = re.compile(r"\s*LG[A-Z]{0,2}[\s\-_/.#]*[0-9]", re.IGNORECASE)
_LAB_GROWN_PHRASE = re.compile(
    r"(?<!\bnot )(?<!\bnon[ -])(?<!\bnot a )(?<!\bno )(?<!\bisn't )"
    r"\b(?:(?:lab|laboratory|man)[\s-]*(?:grown|created|made)|post[\s-]*growth|as[\s-]+grown"
    r"|chemical\s+vapou?r\s+deposition|cvd[\s-]+(?:grown|growth|created)|grown\s+by\s+(?:cvd|hpht))\b",
    re.IGNORECASE,
)
_MAX_REMEMBERED_LENGTH = 300
_REMEMBERED = 8192


class NotUnderstood(Exception):
    """The statement is unknown."""


def stated_origin(value: Any) -> bool | None:
    """Parse a statement: lab-grown (True), natural (False) or nothing (None).

    Raises:
        NotUnderstood: the statement is unknown.
    """
    if value is None or type(value) is bool:
        return value
    found = text(value)
    if found is None:
        if type(value) is str:
            return None
        raise NotUnderstood
    return _stated_by(found)


@lru_cache(_REMEMBERED)
def _stated_by(found: str) -> bool | None:
    amount = number(found)
    if amount is not None:
        if amount not in {0, 1}:
            raise NotUnderstood
        return amount == 1
    key = _SEPARATORS.sub(" ", found.upper()).strip()
    if key in _SILENT:
        return None
    if key in _NATURAL:
        return False
    words = frozenset(key.split())
    if key in _LAB_GROWN or (words & _METHODS and words <= _METHODS | _BESIDE_METHODS):
        return True
    raise NotUnderstood


def is_lab_grown_number(value: Any) -> bool:
    """Whether a report number is one of a lab-grown stone."""
    return type(value) is str and _LAB_GROWN_NUMBER.match(value) is not None


def is_lab_grown_phrase(value: Any) -> bool:
    """Whether a text contains a phrase that laboratories use for lab-grown stones only."""
    if type(value) is not str:
        return False
    if len(value) > _MAX_REMEMBERED_LENGTH:
        return _LAB_GROWN_PHRASE.search(value) is not None
    return _is_short_phrase(value)


@lru_cache(_REMEMBERED)
def _is_short_phrase(value: str) -> bool:
    return _LAB_GROWN_PHRASE.search(value) is not None
