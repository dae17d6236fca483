"""Entries of a GraphQL answer's `errors[]`, read tolerantly: the specification's shape, and whatever else arrives."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

_LONGEST_MESSAGE = 300
_MOST_ENTRIES = 200


class ErrorEntry(msgspec.Struct, frozen=True):
    """One error. `code`: `extensions.code`, in capitals. `path`: names and list positions from the root of the data.

    `locations`: lines and columns of the document, both from 1.
    """

    message: str
    code: str = ""
    path: tuple[str | int, ...] = ()
    extensions: Mapping[str, Any] = {}
    locations: tuple[tuple[int, int], ...] = ()

    @property
    def item(self) -> int | None:
        """The position on a page that the path points at, or below; None where it points elsewhere."""
        place = self._place()
        return None if place is None else int(self.path[place])

    @property
    def below_item(self) -> str:
        """The path below the item, with dots; empty where there is none."""
        place = self._place()
        return "" if place is None else ".".join(map(str, self.path[place + 1 :]))

    def _place(self) -> int | None:
        for place, (name, position) in enumerate(pairwise(self.path), start=1):
            if name == "items" and (type(position) is int or str(position).isdecimal()) and int(position) >= 0:
                return place
        return None


def entries_of(errors: Any) -> list[ErrorEntry]:
    """The entries of an `errors[]` of any shape. An empty list or null has none; anything else has at least one."""
    if not errors:
        return []
    found = errors[:_MOST_ENTRIES] if type(errors) is list else [errors]
    return [_entry(one) for one in found]


def summary(entries: Sequence[ErrorEntry], secrets: Collection[str]) -> str:
    """The messages as one bounded text without the secrets."""
    distinct = dict.fromkeys(entry.message or entry.code for entry in entries)
    return redacted("; ".join(text for text in distinct if text) or "an error without a message", secrets)


def redacted(text: str, secrets: Collection[str]) -> str:
    """A bounded text in which every secret, plain or as JSON writes it, is replaced."""
    for secret in secrets:
        for shown in {secret, msgspec.json.encode(secret).decode()[1:-1]}:
            text = text.replace(shown, "[hidden]") if shown else text
    return text[:_LONGEST_MESSAGE]


def _entry(one: Any) -> ErrorEntry:
    if type(one) is not dict:
        return ErrorEntry(str(one))
    extensions = one.get("extensions")
    extensions = extensions if type(extensions) is dict else {}
    code = extensions.get("code") or one.get("code")
    message = one.get("message")
    path, places = one.get("path"), one.get("locations")
    return ErrorEntry(
        message="" if message is None else str(message),
        code=str(code).upper() if code else "",
        path=tuple(part for part in path if type(part) in (str, int)) if type(path) is list else (),
        extensions=extensions,
        locations=tuple(filter(None, map(_location, places))) if type(places) is list else (),
    )


def _location(place: Any) -> tuple[int, int] | None:
    line, column = (place.get("line"), place.get("column")) if type(place) is dict else (None, None)
    return (line, column) if type(line) is int and type(column) is int else None
