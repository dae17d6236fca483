"""Cursor codec: a fixed layout of values as opaque text (base64url without padding), with a version in its first byte."""

import base64
import binascii
from struct import Struct
from typing import Any

_VERSION = 1
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class CursorCodec:
    """Encodes and decodes cursors of one layout."""

    def __init__(self, layout: str) -> None:
        """`layout`: format characters of `struct` for the values after the version, in network byte order."""
        self._struct = Struct(f">B{layout}")
        self._text_length = len(_text(bytes(self._struct.size)))

    def encode(self, *values: Any) -> str:
        """Encode the values of a cursor."""
        return _text(self._struct.pack(_VERSION, *values))

    def decode(self, text: str) -> tuple[Any, ...]:
        """Decode the values of a cursor.

        Raises:
            ValueError: the text is not a cursor of this layout, or has another version.
        """
        if len(text) != self._text_length or "=" in text:
            raise ValueError("is not a cursor")
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("is not a cursor") from None
        version, *values = self._struct.unpack(packed)
        if version != _VERSION:
            raise ValueError("is a cursor of another version; start again without it")
        return tuple(values)


def _text(packed: bytes) -> str:
    # As base64.urlsafe_b64encode, which takes twice as long: a page has a hundred cursors and ids.
    return binascii.b2a_base64(packed, newline=False).translate(_URL_SAFE).rstrip(b"=").decode("ascii")
