"""Comparison keys of spellings, and lookup tables from them."""

import re
from collections.abc import Mapping, Sequence

REMEMBERED = 4096
"""Spellings that each function remembers: a feed repeats a few thousand."""

NOTHING = frozenset({
    "", "NONE", "N A", "NA", "NULL", "NIL", "NAN", "UNKNOWN", "UNDEFINED", "NOT APPLICABLE", "NOT AVAILABLE", "NOT SPECIFIED",
})  # fmt: skip
"""Keys of texts that state no value."""

_SEPARATORS = re.compile(r"[\s\-_./,;:|&()\[\]\u2010-\u2015\u2212]+")


def key(text: str) -> str:
    """The text in capitals, with single spaces for whatever separates its words."""
    return _SEPARATORS.sub(" ", text.upper()).strip()


def table(spellings: Mapping[str, Sequence[str]], listed: Sequence[str] = ()) -> Mapping[str, str]:
    """From the key of every spelling, and of every value's own name, to the value."""
    names = {key(value): value for value in (*listed, *spellings)}
    return names | {spelling: value for value, others in spellings.items() for spelling in others}
