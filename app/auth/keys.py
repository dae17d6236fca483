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
# Keys of the previous system are arbitrary strings, none of which is longer.
MAX_KEY_LENGTH = 512

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
    """An API key in plain text. It is shown once to the operator, sent with requests, and never stored."""

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


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def generate() -> ApiKey:
    """Generate a key from the random source of the operating system."""
    key_id = _random_text(_ID_LENGTH)
    body = f"{PREFIX}{key_id}_{_random_text(_SECRET_LENGTH)}"
    return ApiKey(key_id, f"{body}_{_checksum(body)}")


def parse(text: str) -> ApiKey | None:
    """Parse a key. Return None if its format or its checksum is wrong."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    body = text[: match.start("checksum") - 1]
    return ApiKey(match["id"], text) if _checksum(body) == match["checksum"] else None


def digest(key: bytes) -> str:
    """Return the hash of a key for `api_keys.key_hash`: SHA-256, hexadecimal."""
    return hashlib.sha256(key).hexdigest()
