"""The form of an API key: `dia_live_<id>_<secret>_<checksum>`. Pure, apart from the dice.

id: 12 base62 characters, public, finds the row. secret: 33 base62 characters, 196 bits. checksum: CRC-32 of all before
it, 6 base62 characters: a typing error differs from a wrong key without a database query.
"""

import hashlib
import re
import secrets
import zlib

import msgspec

PREFIX = "dia_live_"
# A key of the previous system may be any string; a longer one belongs to no client.
LONGEST_KEY = 512

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12
_SECRET_LENGTH = 33
_CHECKSUM_LENGTH = 6
_FORM = re.compile(
    rf"{PREFIX}(?P<id>[0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}"
    rf"_(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)


class ApiKey(msgspec.Struct, frozen=True):
    """A key in the clear: it exists while it is shown to its owner and while a request carries it."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"ApiKey(id={self.id!r})"


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), _CHECKSUM_LENGTH)


def _dice(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def generate() -> ApiKey:
    """A new key from the system's source of randomness."""
    key_id = _dice(_ID_LENGTH)
    body = f"{PREFIX}{key_id}_{_dice(_SECRET_LENGTH)}"
    return ApiKey(key_id, f"{body}_{_checksum(body)}")


def parse(text: str) -> ApiKey | None:
    """The key that `text` spells, or None if it isn't one: the form or the checksum is wrong."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    body = text[: match.start("checksum") - 1]
    return ApiKey(match["id"], text) if _checksum(body) == match["checksum"] else None


def digest(key: bytes) -> str:
    """SHA-256 of the whole key, hexadecimal, as `api_keys.key_hash` holds it."""
    return hashlib.sha256(key).hexdigest()
