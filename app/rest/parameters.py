"""Query parameters: parsing, validation and JSON Schema. Errors name all invalid parameters; unknown ones are ignored."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from starlette.datastructures import QueryParams

from app.auth.scopes import Scope
from inventory.catalog.search import NumericRange
from inventory.catalog.vocabulary.keys import key
from inventory.core.errors import ValidationFailed

T = TypeVar("T")


class ParameterKind(msgspec.Struct, Generic[T], frozen=True):
    """Parser and JSON Schema of a parameter type. `parse` raises ValueError with the accepted values."""

    parse: Callable[[str], T]
    schema: Mapping[str, Any]


class Parameter(msgspec.Struct, frozen=True):
    """Definition of a parameter of an operation, for the OpenAPI document."""

    name: str
    schema: Mapping[str, Any]
    description: str
    scope: Scope | None

    @property
    def repeats(self) -> bool:
        """Whether the parameter is a list."""
        return bool(self.schema["type"] == "array")


_MAX_VALUES = 200
_MAX_WORD_LENGTH = 200
# `shape[]`, and `shape[0]` or `shape[a]` as in PHP.
_LISTED = re.compile(r"([^\[\]]+)\[[^\[\]]{0,40}\]")
_WHOLE = re.compile(r"\+?([0-9]{1,15})(\.0{0,15})?", re.ASCII)
_LARGEST_SIZE = 1_000_000
_DEFAULT_LIMIT = 50
# The exponent is short, so that rounding stays cheap.
_DECIMAL = re.compile(r"\+?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?", re.ASCII)


class Parameters:
    """Parameters of one request. Read all of them, then call `check`."""

    def __init__(self, query: QueryParams, *, defining: bool = False) -> None:
        """`defining`: collect the definitions of the parameters that are read."""
        self._given: dict[str, list[str]] = {}
        self._listed: dict[str, list[str]] = {}
        for name, text in query.multi_items():
            if not text.strip():  # HTML forms send empty fields
                continue
            self._given.setdefault(name, []).append(text)
            self._listed.setdefault(listed_name(name), []).append(text)
        self._problems: dict[str, str] = {}
        self._defining = defining
        self.definitions: list[Parameter] = []

    def many(self, name: str, kind: ParameterKind[T], *, description: str) -> Sequence[T] | None:
        """Read a list: `name=a&name=b`, `name[]=a` or `name[0]=a`. Return None if it is absent or empty."""
        if self._defining:
            schema = {"type": "array", "items": kind.schema, "maxItems": _MAX_VALUES}
            self.definitions.append(Parameter(name, schema, description, None))
        texts = self._listed.get(name)
        if not texts:
            return None
        if len(texts) > _MAX_VALUES:
            self._problems[name] = f"has more than {_MAX_VALUES} values"
            return None
        return [value for text in texts if (value := self._parse(name, text, kind)) is not None]

    def one(self, name: str, kind: ParameterKind[T], *, description: str, scope: Scope | None = None) -> T | None:
        """Read a single value, None if it is absent or empty. The handler must check the `scope`."""
        if self._defining:
            self.definitions.append(Parameter(name, kind.schema, description, scope))
        texts = self._given.get(name)
        if not texts:
            return None
        if len(texts) > 1:
            self._problems[name] = "is given more than once"
            return None
        return self._parse(name, texts[0], kind)

    def between(
        self,
        name: str,
        low: ParameterKind[int],
        high: ParameterKind[int],
        *,
        description: str,
        scope: Scope | None = None,
    ) -> NumericRange | None:
        """Read the range of `name_min` and `name_max`, None if both are absent. An empty range matches nothing."""
        smallest = self.one(f"{name}_min", low, description=f"{description}, at least.", scope=scope)
        largest = self.one(f"{name}_max", high, description=f"{description}, at most.", scope=scope)
        return None if smallest is None and largest is None else NumericRange(smallest, largest)

    def check(self) -> None:
        """Raise an error if a parameter is invalid.

        Raises:
            ValidationFailed: one entry for each invalid parameter.
        """
        if self._problems:
            raise ValidationFailed(self._problems)

    def _parse(self, name: str, text: str, kind: ParameterKind[T]) -> T | None:
        try:
            return kind.parse(text.strip())
        except ValueError as error:
            self._problems[name] = str(error)
            return None


def listed_name(name: str) -> str:
    """Return the name of a parameter without the brackets of a list."""
    match = _LISTED.fullmatch(name)
    return match[1] if match else name


def page_of(parameters: Parameters) -> tuple[int, int]:
    """Read the page number, from 1 on, and the page size."""
    page = parameters.one("page", _PAGE, description="Page number, from 1 on.")
    limit = parameters.one("limit", _LIMIT, description="Page size.")
    return page or 1, limit or _DEFAULT_LIMIT


def choice(choices: Mapping[str, T]) -> ParameterKind[T]:
    """Kind of a parameter with fixed values, case-insensitive. Space, hyphen and underscore are equivalent."""
    by_key = {key(word): value for word, value in choices.items()}

    def parse(text: str) -> T:
        if key(text) not in by_key:
            raise ValueError(f"should be one of {', '.join(choices)}")
        return by_key[key(text)]

    return ParameterKind(parse, {"type": "string", "enum": list(choices)})


def grade(scale: Sequence[str], read: Callable[[str], str | None]) -> ParameterKind[str]:
    """Kind of a parameter with the values of a scale, in any spelling of the vocabulary. `read` normalizes a spelling."""
    names = {key(name): name for name in scale}

    def parse(text: str) -> str:
        name = names.get(key(text)) or read(text)
        if name is None or name not in scale:
            raise ValueError(f"should be one of {', '.join(scale)}")
        return name

    return ParameterKind(parse, {"type": "string", "enum": list(scale)})


def whole(smallest: int, largest: int, default: int | None = None) -> ParameterKind[int]:
    """Kind of a whole number from `smallest` to `largest`. `default` is for the schema only."""

    def parse(text: str) -> int:
        match = _WHOLE.fullmatch(text)
        number = int(match[1]) if match else -1
        if not smallest <= number <= largest:
            raise ValueError(f"should be a whole number from {smallest} to {largest}")
        return number

    schema: dict[str, Any] = {"type": "integer", "minimum": smallest, "maximum": largest}
    return ParameterKind(parse, schema if default is None else {**schema, "default": default})


def _word(text: str) -> str:
    if not text or len(text) > _MAX_WORD_LENGTH or "\x00" in text:
        raise ValueError(f"should be a text of 1 to {_MAX_WORD_LENGTH} characters")
    return text


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("should be one of true, false")
    return text.lower() == "true"


def _instant(text: str) -> datetime:
    try:
        moment = msgspec.convert(text, datetime)
        # Converted to UTC here: an instant that leaves the calendar by its time zone is an error of the client.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError("should be an instant such as 2026-01-31T12:00:00Z; write + as %2B") from None


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text) or not 0 <= (number := Decimal(text)) <= _LARGEST_SIZE:
        raise ValueError(f"should be a number such as 1.01, from 0 to {_LARGEST_SIZE}")
    return number


_SIZE = {"type": "number", "minimum": 0, "maximum": _LARGEST_SIZE}
_PAGE = whole(1, 10_000_000, default=1)
_LIMIT = whole(1, 100, default=_DEFAULT_LIMIT)

# Not empty, without NUL, which Postgres cannot store.
word = ParameterKind(_word, {"type": "string", "minLength": 1, "maxLength": _MAX_WORD_LENGTH, "pattern": r"^[^\x00]*$"})
boolean = ParameterKind(_boolean, {"type": "boolean"})
instant = ParameterKind(_instant, {"type": "string", "format": "date-time"})
# Numbers in thousandths: rounded up for the lower bound of a range, down for the upper bound.
thousandths = ParameterKind(lambda text: math.ceil(_decimal(text) * 1000), _SIZE)
thousandths_down = ParameterKind(lambda text: math.floor(_decimal(text) * 1000), _SIZE)
