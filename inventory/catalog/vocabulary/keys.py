"""Comparison keys of spellings, and lookup tables by key."""

import re
from collections.abc import Mapping, Sequence

REMEMBERED = 4096
"""Cache size of each function in spellings. A feed has a few thousand different ones."""

NOTHING = frozenset({
    "", "NONE", "N A", "NA", "NULL", "NIL", "NAN", "UNKNOWN", "UNDEFINED", "NOT APPLICABLE", "NOT AVAILABLE", "NOT SPECIFIED",
})  # fmt: skip
"""Keys of texts that mean no value."""

_SEPARATORS = re.compile(r"[\s\-_./,;:|&()\[\]\u2010-\u2015\u2212]+")


def key(text: str) -> str:
    """Comparison key: the text in capitals, with single spaces in place of separators."""
    return _SEPARATORS.sub(" ", text.upper()).strip()


def table(spellings: Mapping[str, Sequence[str]], listed: Sequence[str] = ()) -> Mapping[str, str]:
    """Build a lookup table from the keys of all spellings and value names to the values."""
    names = {key(value): value for value in (*listed, *spellings)}
    return names | {spelling: value for value, others in spellings.items() for spelling in others}
