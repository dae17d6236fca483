"""Tolerant reader of a GraphQL answer's `errors[]`: the shape of the specification, and any other value."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

_MAX_MESSAGE_LENGTH = 300
_MAX_ENTRIES = 200


class ErrorEntry(msgspec.Struct, frozen=True):
    """An error. `code`: `extensions.code` in upper case. `path`: names and list positions from the root of the data.

    `locations`: lines and columns of the document, both from 1.
    """

    message: str
    code: str = ""
    path: tuple[str | int, ...] = ()
    extensions: Mapping[str, Any] = {}
    locations: tuple[tuple[int, int], ...] = ()

    @property
    def item(self) -> int | None:
        """Position on a page in the path; None if the path does not contain an item."""
        index = self._item_index()
        return None if index is None else int(self.path[index])

    @property
    def below_item(self) -> str:
        """Path below the item, separated by dots; empty without an item."""
        index = self._item_index()
        return "" if index is None else ".".join(map(str, self.path[index + 1 :]))

    def _item_index(self) -> int | None:
        for index, (name, position) in enumerate(pairwise(self.path), start=1):
            if name == "items" and (type(position) is int or str(position).isdecimal()) and int(position) >= 0:
                return index
        return None


def entries_of(errors: Any) -> list[ErrorEntry]:
    """Read the entries of an `errors[]` of any shape. An empty list or null has none; any other value has at least one."""
    if not errors:
        return []
    found = errors[:_MAX_ENTRIES] if type(errors) is list else [errors]
    return [_entry(error) for error in found]


def summary(entries: Sequence[ErrorEntry], secrets: Collection[str]) -> str:
    """Join the messages to a bounded text without the secrets."""
    distinct = dict.fromkeys(entry.message or entry.code for entry in entries)
    return redacted("; ".join(text for text in distinct if text) or "an error without a message", secrets)


def redacted(text: str, secrets: Collection[str]) -> str:
    """Redact every secret, plain or JSON-escaped, and bound the length of the text."""
    for secret in secrets:
        for shown in {secret, msgspec.json.encode(secret).decode()[1:-1]}:
            text = text.replace(shown, "[hidden]") if shown else text
    return text[:_MAX_MESSAGE_LENGTH]


def _entry(error: Any) -> ErrorEntry:
    if type(error) is not dict:
        return ErrorEntry(str(error))
    extensions = error.get("extensions")
    extensions = extensions if type(extensions) is dict else {}
    code = extensions.get("code") or error.get("code")
    message = error.get("message")
    path, locations = error.get("path"), error.get("locations")
    return ErrorEntry(
        message="" if message is None else str(message),
        code=str(code).upper() if code else "",
        path=tuple(part for part in path if type(part) in (str, int)) if type(path) is list else (),
        extensions=extensions,
        locations=tuple(filter(None, map(_location, locations))) if type(locations) is list else (),
    )


def _location(location: Any) -> tuple[int, int] | None:
    line, column = (location.get("line"), location.get("column")) if type(location) is dict else (None, None)
    return (line, column) if type(line) is int and type(column) is int else None
