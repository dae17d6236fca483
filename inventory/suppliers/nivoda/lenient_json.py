"""Lenient reader of items with invalid JSON or with values that the database cannot store.

A damaged item must not affect the other 49 items of its page, and its readable values, above all its id, must be kept. The
original bytes are preserved.
"""

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from inventory.core.json_depth import exceeds_depth
from inventory.suppliers.nivoda.payload import Item, PayloadCertificate, PayloadDiamond
from inventory.suppliers.nivoda.remains import read_remains
from inventory.suppliers.values import fraction

_WRAPPER = re.compile(rb'\{"\$unreadable":"([A-Za-z0-9+/=]*)"\}')
# A string is one token, so brackets and commas inside it do not count.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_ITEMS = re.compile(rb'"items"\s*:\s*\[')
_SURROGATE = re.compile("[\ud800-\udfff]")
# Lone surrogates that `surrogateescape` produces for bytes that are not UTF-8.
_ESCAPED_BYTES = range(0xDC80, 0xDD00)

_item = msgspec.json.Decoder(Item, float_hook=fraction)
_raw = msgspec.json.Decoder(msgspec.Raw)
# Depth limit of an item; a valid one has four levels. The database has a limit, too.
_DEEPEST = 200
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class UnreadableItem(Exception):
    """The item contains no readable object. The message is the problem.

    `remains`: an item with the readable ids.
    """

    def __init__(self, problem: str, remains: Item) -> None:
        super().__init__(problem)
        self.remains = remains


def read_item(received: bytes) -> tuple[Item, bool]:
    """Read an item. Returns it and whether it is damaged.

    Bytes that are not UTF-8 and halves of surrogate pairs become lone surrogates in the texts; `first_flaw` detects them.

    Raises:
        UnreadableItem: the item is not an object, is not JSON, or is nested too deep.
    """
    if exceeds_depth(received, _DEEPEST):
        raise UnreadableItem("payload: is nested too deep", read_remains(received)[0])
    try:
        received.decode()
        return _item.decode(received), False
    except _NOT_JSON:
        return _read_leniently(received), True


def first_flaw(item: Item) -> str | None:
    """Return the first declared text that a text column cannot store, as `field: problem`."""
    return next((f"{path}: {what}" for path, text in _texts(item, "") if (what := flaw(text))), None)


def flaw(text: str) -> str | None:
    """Return the reason why a text column cannot store a text; None if it can."""
    if "\x00" in text:
        return "holds a NUL character"
    if found := _SURROGATE.search(text):
        return f"holds {'bytes that are not UTF-8' if ord(found[0]) in _ESCAPED_BYTES else 'half a surrogate pair'}"
    return None


def storable(received: bytes) -> bytes:
    """Convert an item to JSON that the database can store: unchanged if it is storable, else wrapped."""
    try:
        received.decode()
        _raw.decode(received)
        whole = not exceeds_depth(received, _DEEPEST)
    except _NOT_JSON:
        whole = False
    return received if whole else b'{"$unreadable":"%b"}' % b64encode(received)


def original(stored: bytes) -> bytes:
    """Return the received bytes: the inverse of `storable`."""
    wrapped = _WRAPPER.fullmatch(stored)
    try:
        return b64decode(wrapped[1], validate=True) if wrapped else stored
    except binascii.Error:
        return stored


def salvage(body: bytes) -> bytes:
    """Repair an answer with invalid JSON in some of its items by wrapping exactly those items.

    Raises:
        ValueError: the answer has no complete list of items.
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
    """Select the declared fields of a part by the names of the struct, without nested parts."""
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
