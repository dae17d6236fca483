"""Items that are not proper JSON, or hold what no database stores: read as far as they go, kept whole, told apart.

One damaged stone must cost neither its 49 neighbours nor itself what can still be known of it, its id above all.
"""

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from inventory.core.json_depth import deeper
from inventory.suppliers.nivoda.payload import Item, PayloadCertificate, PayloadDiamond
from inventory.suppliers.nivoda.remains import read_remains
from inventory.suppliers.nivoda.values import fraction

_WRAPPER = re.compile(rb'\{"\$unreadable":"([A-Za-z0-9+/=]*)"\}')
# Strings are taken whole, so brackets and commas inside them do not count.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_ITEMS = re.compile(rb'"items"\s*:\s*\[')
_SURROGATE = re.compile("[\ud800-\udfff]")
# How the bytes that are not UTF-8 come out of `surrogateescape`.
_ESCAPED_BYTES = range(0xDC80, 0xDD00)

_item = msgspec.json.Decoder(Item, float_hook=fraction)
_raw = msgspec.json.Decoder(msgspec.Raw)
# Levels of an item; a proper one has four. The database, where it ends up, has a bound too.
_DEEPEST = 200
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class UnreadableItem(Exception):
    """An item in which no object can be found; the message is the problem.

    `remains`: an item with the ids that can be read.
    """

    def __init__(self, problem: str, remains: Item) -> None:
        super().__init__(problem)
        self.remains = remains


def read_item(received: bytes) -> tuple[Item, bool]:
    """Read an item; also answers whether it is damaged.

    Bytes that are not UTF-8 and halves of surrogate pairs arrive as lone surrogates inside the texts, for `first_flaw` to
    find.

    Raises:
        UnreadableItem: it is no object, or no JSON at all, or nested too deep.
    """
    if deeper(received, _DEEPEST):
        raise UnreadableItem("payload: is nested too deep", read_remains(received)[0])
    try:
        received.decode()
        return _item.decode(received), False
    except _NOT_JSON:
        return _read_leniently(received), True


def first_flaw(item: Item) -> str | None:
    """The first of the declared texts that no text column takes: `field: what is wrong`."""
    return next((f"{path}: {what}" for path, text in _texts(item, "") if (what := flaw(text))), None)


def flaw(text: str) -> str | None:
    """Why no text column takes this text; None if one does."""
    if "\x00" in text:
        return "holds a NUL character"
    if found := _SURROGATE.search(text):
        return f"holds {'bytes that are not UTF-8' if ord(found[0]) in _ESCAPED_BYTES else 'half a surrogate pair'}"
    return None


def storable(received: bytes) -> bytes:
    """An item as JSON that a database takes: to the byte where it is that, else wrapped whole."""
    try:
        received.decode()
        _raw.decode(received)
        whole = not deeper(received, _DEEPEST)
    except _NOT_JSON:
        whole = False
    return received if whole else b'{"$unreadable":"%b"}' % b64encode(received)


def original(stored: bytes) -> bytes:
    """What was once received: the way back from `storable`."""
    wrapped = _WRAPPER.fullmatch(stored)
    try:
        return b64decode(wrapped[1], validate=True) if wrapped else stored
    except binascii.Error:
        return stored


def salvage(body: bytes) -> bytes:
    """An answer that is no JSON because of some of its items, with exactly those wrapped.

    Raises:
        ValueError: it has no whole list of items: it was cut off, or is something else.
    """
    start = next((found.end() for token in _TOKEN.finditer(body) if (found := _ITEMS.match(body, token.start()))), None)
    if start is None:
        raise ValueError("an answer without a list of items")
    depth, begin, items = 1, start, list[bytes]()
    for token in _TOKEN.finditer(body, start):
        if token[0] in b"[{":
            depth += 1
        elif token[0] in b"]}":
            depth -= 1
        if depth == 0 or (depth == 1 and token[0] == b","):
            items.append(body[begin : token.start()].strip())
            begin = token.end()
        if depth == 0:
            return body[:start] + b",".join(map(storable, filter(None, items))) + body[token.start() :]
    raise ValueError("an answer that was cut off")


def _read_leniently(received: bytes) -> Item:
    text = received.decode(errors="surrogateescape")
    try:
        found = json.loads(text, strict=False, parse_int=str, parse_float=fraction, parse_constant=str)
    except (ValueError, RecursionError):
        remains, place = read_remains(received)
        raise UnreadableItem(f"{place or 'payload'}: is not JSON", remains) from None
    if not isinstance(found, dict):
        raise UnreadableItem("payload: is not an object", Item())
    item = _pick(found, Item)
    if isinstance(diamond := found.get("diamond"), dict):
        item["diamond"] = _pick(diamond, PayloadDiamond)
        if isinstance(certificate := diamond.get("certificate"), dict):
            item["diamond"]["certificate"] = PayloadCertificate(**_pick(certificate, PayloadCertificate))
        item["diamond"] = PayloadDiamond(**item["diamond"])
    return Item(**item)


def _pick(found: dict[str, Any], part: type[msgspec.Struct]) -> dict[str, Any]:
    """The declared fields of a part, by the names of the struct; the parts inside it are left out."""
    fields = msgspec.structs.fields(part)
    return {field.name: found.get(field.encode_name) for field in fields if field.type is Any}


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path, value
        case msgspec.Struct():
            for field in msgspec.structs.fields(value):
                yield from _texts(
                    getattr(value, field.name), f"{path}.{field.encode_name}" if path else field.encode_name
                )
        case dict():
            for name, part in value.items():
                yield from _texts(part, f"{path}.{name}")
        case list():
            for part in value:
                yield from _texts(part, path)
