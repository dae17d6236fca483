"""Validation of free texts from clients and operators, for REST, GraphQL and the command line."""

import unicodedata
from collections.abc import Mapping

import msgspec

from inventory.core.errors import ValidationFailed

MAX_WORD_LENGTH = 200
MAX_TEXT_LENGTH = 2000

# Unicode categories of invisible characters: separators, control and format characters, unassigned characters.
_INVISIBLE = ("Z", "C")


class Text(msgspec.Struct, frozen=True):
    """A text and the length limit of its field. An optional text may be None or empty."""

    value: str | None
    longest: int
    optional: bool = False


def check(texts: Mapping[str, Text]) -> None:
    """Validate texts.

    Raises:
        ValidationFailed: a text is missing, blank, too long or not storable; one entry for each such field.
    """
    problems = {name: problem for name, text in texts.items() if (problem := _problem(text)) is not None}
    if problems:
        raise ValidationFailed(problems)


def is_blank(text: str) -> bool:
    """Whether a text is empty or contains invisible characters only."""
    return all(unicodedata.category(character)[0] in _INVISIBLE for character in text)


def _problem(text: Text) -> str | None:
    if not text.value and text.optional:
        return None
    if text.value is None:
        return "is required"
    if len(text.value) > text.longest:
        return f"should hold at most {text.longest} characters"
    if is_blank(text.value):
        return "should hold a visible character"
    if "\x00" in text.value:
        return "should not hold the character NUL"
    return None
