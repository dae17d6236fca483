"""Reads a query string: every parameter that is wrong is named, all at once; one that nobody asks for is ignored."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from starlette.datastructures import QueryParams

from app.catalog.search import Range
from app.core.errors import ValidationFailed

T = TypeVar("T")
Parse = Callable[[str], T]

_MOST_VALUES = 200
_LONGEST_WORD = 200
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


class Parameters:
    """The parameters of one request. Read them all, then call `check`."""

    def __init__(self, query: QueryParams) -> None:
        self._query = query
        self._problems: dict[str, str] = {}

    def many(self, name: str, parse: Parse[T]) -> Sequence[T] | None:
        """A list, spelt `name=a&name=b` or `name[]=a`; None when it isn't there."""
        texts = [*self._query.getlist(name), *self._query.getlist(f"{name}[]")]
        if not texts:
            return None
        if len(texts) > _MOST_VALUES:
            self._problems[name] = f"has more than {_MOST_VALUES} values"
            return None
        return [value for text in texts if (value := self._parse(name, text, parse)) is not None]

    def one(self, name: str, parse: Parse[T]) -> T | None:
        """A single value; None when it isn't there."""
        texts = self._query.getlist(name)
        if len(texts) > 1:
            self._problems[name] = "is given more than once"
            return None
        return self._parse(name, texts[0], parse) if texts else None

    def between(self, name: str, low: Parse[int], high: Parse[int]) -> Range | None:
        """The range of `name_min` and `name_max`; None when neither is there."""
        smallest, largest = self.one(f"{name}_min", low), self.one(f"{name}_max", high)
        if smallest is None and largest is None:
            return None
        if smallest is not None and largest is not None and smallest > largest:
            self._problems[f"{name}_min"] = f"is more than {name}_max"
        return Range(smallest, largest)

    def check(self) -> None:
        """Complain about what was wrong.

        Raises:
            ValidationFailed: one entry for each wrong parameter.
        """
        if self._problems:
            raise ValidationFailed(self._problems)

    def _parse(self, name: str, text: str, parse: Parse[T]) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            self._problems[name] = str(error)
            return None


def choice(choices: Mapping[str, T]) -> Parse[T]:
    """One of a few words, exactly as written."""

    def parse(text: str) -> T:
        if text not in choices:
            raise ValueError(f"should be one of {', '.join(choices)}")
        return choices[text]

    return parse


def grade(scale: Sequence[str]) -> Parse[str]:
    """One of a scale of grades, in any case, words apart by a space, a hyphen or an underscore."""
    known = frozenset(scale)

    def parse(text: str) -> str:
        name = re.sub(r"[ -]", "_", text.strip().upper())
        if name not in known:
            raise ValueError(f"should be one of {', '.join(scale)}")
        return name

    return parse


def word(text: str) -> str:
    """A text that Postgres can hold: not empty, no NUL character."""
    if not text or len(text) > _LONGEST_WORD or "\x00" in text:
        raise ValueError(f"should be a text of 1 to {_LONGEST_WORD} characters")
    return text


def whole(smallest: int, largest: int) -> Parse[int]:
    """A whole number between two, both included."""

    def parse(text: str) -> int:
        number = int(text) if _WHOLE.fullmatch(text) else -1
        if not smallest <= number <= largest:
            raise ValueError(f"should be a whole number from {smallest} to {largest}")
        return number

    return parse


def thousandths(text: str) -> int:
    """A number as thousandths, rounded up: the lower end of a range."""
    return math.ceil(_decimal(text) * 1000)


def thousandths_down(text: str) -> int:
    """A number as thousandths, rounded down: the upper end of a range."""
    return math.floor(_decimal(text) * 1000)


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("should be a number such as 1.01, not negative")
    return Decimal(text)
