"""Parser of GraphQL validation errors: members that the schema lacks, in the wording of several server implementations."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import msgspec

from inventory.suppliers.nivoda.error_entries import ErrorEntry

VALIDATION_CODES = frozenset({"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"})


class MissingField(msgspec.Struct, frozen=True):
    """An object type has no such field. `type_name`: None if the message does not name it."""

    type_name: str | None
    name: str


class UnusableField(msgspec.Struct, frozen=True):
    """A field exists, but its selection is invalid. `composite`: the selection has fields below it."""

    name: str
    composite: bool


class MissingArgument(msgspec.Struct, frozen=True):
    """A field has no such argument."""

    name: str
    argument: str


class MissingInput(msgspec.Struct, frozen=True):
    """An input type has no such field."""

    type_name: str
    name: str


class RequiredInput(msgspec.Struct, frozen=True):
    """An input type has a required field that was not sent. `expected`: its type."""

    type_name: str
    name: str
    expected: str


class MissingEnumValue(msgspec.Struct, frozen=True):
    """An enum has no such value."""

    type_name: str
    value: str


class UnknownType(msgspec.Struct, frozen=True):
    """The schema has no type of this name."""

    name: str


class VariableType(msgspec.Struct, frozen=True):
    """A variable must have another type."""

    name: str
    expected: str


Absence = (
    MissingField
    | UnusableField
    | MissingArgument
    | MissingInput
    | RequiredInput
    | MissingEnumValue
    | UnknownType
    | VariableType
)

_NAME = r"([A-Za-z_][A-Za-z0-9_]*)"
_QUOTE = r"[\"'`‘’“”]?"  # noqa: RUF001 - some servers print typographic quotes


def _q(pattern: str) -> str:
    return _QUOTE + pattern + _QUOTE


_TYPE = r"([\[\]!A-Za-z0-9_]+)"
_WORDINGS: tuple[tuple[str, Callable[[re.Match[str]], Absence]], ...] = (
    # graphql-js, graphql-core, gqlgen, Sangria; Ruby; Hot Chocolate; Hasura; graphql-java
    (rf"cannot query field {_q(_NAME)} on type {_q(_NAME)}", lambda m: MissingField(m[2], m[1])),
    (rf"field {_q(_NAME)} (?:doesn't|does not) exist on (?:the )?type {_q(_NAME)}", lambda m: MissingField(m[2], m[1])),
    (rf"field {_q(_NAME)} not found in type:? {_q(_NAME)}", lambda m: MissingField(m[2], m[1])),
    (rf"field {_q(_NAME)} in type {_q(_NAME)} is undefined", lambda m: MissingField(m[2], m[1])),
    (rf"unknown field {_q(_NAME)} on (?:object )?(?:type )?{_q(_NAME)}", lambda m: MissingField(m[2], m[1])),
    (rf"field {_q(_NAME)} must not have a selection", lambda m: UnusableField(m[1], composite=True)),
    (rf"field {_q(_NAME)} of type {_q(_TYPE)} must have a (?:selection|sub)", lambda m: UnusableField(m[1], composite=False)),
    (rf"argument {_QUOTE}(?:{_NAME}\.)?{_NAME}\({_NAME}:\){_QUOTE} of type {_q(_TYPE)} is required", lambda m: MissingField(m[1], m[2])),
    (rf"type {_q(_NAME)} to include required field {_q(_NAME)}", lambda m: RequiredInput(m[1], m[2], "?")),
    (rf"field {_q(_NAME)} argument {_q(_NAME)} of type {_q(_TYPE)} is required", lambda m: MissingField(None, m[1])),
    (rf"argument {_q(_NAME)} of required type {_q(_TYPE)} was not provided on field {_q(_NAME)}", lambda m: MissingField(None, m[3])),
    (rf"unknown argument {_q(_NAME)} on field {_QUOTE}(?:{_NAME}\.)?{_NAME}{_QUOTE}", lambda m: MissingArgument(m[3], m[1])),
    (rf"field {_q(_NAME)} doesn't accept argument {_q(_NAME)}", lambda m: MissingArgument(m[1], m[2])),
    (rf"field {_q(_NAME)} is not defined by (?:input )?type {_q(_NAME)}", lambda m: MissingInput(m[2], m[1])),
    (rf"type {_q(_NAME)} not to include unknown field {_q(_NAME)}", lambda m: MissingInput(m[1], m[2])),
    (rf"unknown field {_q(_NAME)} (?:for|in|of) input (?:object )?(?:type )?{_q(_NAME)}", lambda m: MissingInput(m[2], m[1])),
    (rf"inputobject {_q(_NAME)} doesn't accept argument {_q(_NAME)}", lambda m: MissingInput(m[1], m[2])),
    (rf"field {_QUOTE}{_NAME}\.{_NAME}{_QUOTE} of required type {_q(_TYPE)} was not provided", lambda m: RequiredInput(m[1], m[2], m[3])),
    (rf"value {_q(_NAME)} does not exist in {_q(_NAME)} enum", lambda m: MissingEnumValue(m[2], m[1])),
    (rf"expected (?:value of )?type {_QUOTE}{_NAME}!?{_QUOTE},? (?:but )?found:? {_q(_NAME)}", lambda m: MissingEnumValue(m[1], m[2])),
    (rf"variable {_QUOTE}\${_NAME}{_QUOTE} of type {_q(_TYPE)} used in position expecting type {_q(_TYPE)}", lambda m: VariableType(m[1], m[3])),
    (rf"unknown type {_q(_NAME)}", lambda m: UnknownType(m[1])),
)  # fmt: skip


# A field in a document: a name without a colon after it.
_FIELD = re.compile(rf"{_NAME}(?![A-Za-z0-9_])(?!\s*:)")


def absences(entries: Sequence[ErrorEntry], document: str = "") -> list[Absence]:
    """Extract the missing members from errors; an empty list if the errors name none.

    `document`: the document that was sent. An error in an unknown wording is located in it by its line and column.
    """
    return list(dict.fromkeys(one for entry in entries for one in _of(entry, document)))


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], Absence]]]:
    """Compile the wordings. A process needs them with the first error of a supplier, and compiling takes 30 ms."""
    return [(re.compile(pattern, re.IGNORECASE), make) for pattern, make in _WORDINGS]


def is_rejection(entry: ErrorEntry) -> bool:
    """Whether an error rejects the document or its variables, so that nothing was executed."""
    return entry.code in VALIDATION_CODES or any(_of(entry, ""))


def _of(entry: ErrorEntry, document: str) -> Iterator[Absence]:
    if entry.path and entry.code not in VALIDATION_CODES:
        return  # it happened while the request was executed
    for pattern, make in _patterns():
        found = list(pattern.finditer(entry.message))
        if found:
            yield from map(make, found)
            return
    if entry.code in VALIDATION_CODES:
        for line, column in entry.locations[:1]:
            rest = document.splitlines()[line - 1 : line]
            field = _FIELD.match(rest[0], column - 1) if rest and column > 0 else None
            if field:
                yield MissingField(None, field[1])
