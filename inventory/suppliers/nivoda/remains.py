"""Extraction of ids from a supplier item that is not JSON, such as one with the number 01234.

With its id, a stone with an invalid item is quarantined. An unidentified item would only be counted.
"""

import json
import re

from inventory.suppliers.nivoda.payload import Item, PayloadDiamond
from inventory.suppliers.values import fraction

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+|"', re.DOTALL)
# A path appears in the problem, so it must be short and storable.
_PLACE = re.compile(r"[A-Za-z0-9_.]{1,100}", re.ASCII)
_Path = tuple[str | None, ...]
_IDS: frozenset[_Path] = frozenset({("id",), ("diamond", "id")})


class _Reader:
    """Reads tokens without recursion and collects the ids by path."""

    def __init__(self) -> None:
        self.found: dict[_Path, object] = {}
        self.broken: str | None = None
        self._brackets: list[str] = []
        self._keys: list[str | None] = []
        self._string: str | None = None
        self._after_value = False

    def read(self, text: str) -> None:
        """Read until the end, or until a misplaced quote, after which strings and structure cannot be distinguished."""
        for token in _TOKEN.finditer(text):
            if token[0][0] == '"' and (token[0] == '"' or self._after_value):
                return
            self._take(token[0])

    def _take(self, part: str) -> None:
        if part in {"{", "["}:
            self._brackets.append(part)
            self._keys.append(None)
        elif part in {"}", "]"}:
            if self._brackets:
                self._brackets.pop()
                self._keys.pop()
        elif part == ",":
            if self._keys:
                self._keys[-1] = None
        elif part == ":":
            if self._keys and self._brackets[-1] == "{":
                self._keys[-1] = self._string
        elif self._brackets and self._brackets[-1] == "{" and self._keys[-1] is None:
            self._string = _key(part)
        else:
            self._value(part)
            return
        self._after_value = part in {"}", "]"}

    def _value(self, token: str) -> None:
        self._after_value = True
        path = tuple(self._keys)
        try:
            value = _scalar(token)
        except ValueError:
            value = None
            place = ".".join(key for key in path if key)
            self.broken = self.broken or (place if _PLACE.fullmatch(place) else None)
        if path in _IDS:
            # Two values at the same path are ambiguous.
            self.found[path] = value if self.found.get(path, value) == value else None


def read_remains(received: bytes) -> tuple[Item, str | None]:
    """Read the readable ids and the path of the first value that is not JSON."""
    reader = _Reader()
    reader.read(received.decode(errors="surrogateescape"))
    found = reader.found
    return Item(found.get(("id",)), None, PayloadDiamond(found.get(("diamond", "id")))), reader.broken


def _key(token: str) -> str | None:
    try:
        found = _scalar(token)
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _scalar(token: str) -> object:
    return json.loads(token, strict=False, parse_int=int, parse_float=fraction, parse_constant=str)
