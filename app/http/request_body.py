"""HTTP/1.1 request body framing: Content-Length and chunked transfer coding (RFC 9112, section 7.1)."""

import re
from enum import Enum, auto
from http import HTTPStatus
from typing import Protocol

from app.http.errors import ProtocolError
from app.http.request_head import is_field_line

# Maximum length of a chunk size line with its extensions.
_MAX_LINE_LENGTH = 1_024
# Limits on the chunk extensions and trailer fields of one body, which are ignored.
MAX_EXTENSION_BYTES = 4_096
MAX_TRAILER_BYTES = 8_192

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})((?:;[\t -~\x80-\xff]*+)?)\r\n")


class BodyReader(Protocol):
    """Decoder of one body from the bytes of a connection."""

    complete: bool

    def feed(self, data: bytes, position: int) -> tuple[bytes, int]:
        """Decode from a position. Return the content and the position after the last byte of the body.

        Raises:
            ProtocolError: the framing is invalid.
        """


class LengthReader:
    """Decoder of a body with Content-Length."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.complete = length == 0

    def feed(self, data: bytes, position: int) -> tuple[bytes, int]:
        """Decode from a position; see `BodyReader`."""
        content = data[position : position + self._left]
        self._left -= len(content)
        self.complete = self._left == 0
        return content, position + len(content)


class _Part(Enum):
    """Parser state: the next part of a chunked body."""

    SIZE = auto()
    CONTENT = auto()
    END_OF_CHUNK = auto()
    TRAILER = auto()


class ChunkReader:
    """Decoder of a chunked body. It ignores chunk extensions and discards trailer fields, both up to a limit.

    Trailer fields never become header fields: RFC 9110 (6.5.1) forbids it for fields that authenticate, route or frame.
    """

    def __init__(self) -> None:
        self.complete = False
        self._part = _Part.SIZE
        self._left = 0  # remaining bytes of the current chunk
        self._line = b""  # incomplete line
        self._extension_bytes = 0
        self._trailer_bytes = 0

    def feed(self, data: bytes, position: int) -> tuple[bytes, int]:
        """Decode from a position; see `BodyReader`."""
        content = []
        while position < len(data) and not self.complete:
            if self._part is _Part.CONTENT:
                part = data[position : position + self._left]
                content.append(part)
                self._left -= len(part)
                if self._left == 0:
                    self._part = _Part.END_OF_CHUNK
            else:
                part = data[position : data.find(b"\n", position) + 1 or len(data)]
                self._line += part
                self._check_line(len(part))
                if part.endswith(b"\n"):
                    self._end_line()
            position += len(part)
        return b"".join(content), position

    def _check_line(self, added: int) -> None:
        """Limit the length of an incomplete line."""
        if self._part is _Part.TRAILER:
            self._trailer_bytes += added
            if self._trailer_bytes > MAX_TRAILER_BYTES:
                reason = f"Trailer fields may have {MAX_TRAILER_BYTES} bytes."
                raise ProtocolError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
        elif self._part is _Part.END_OF_CHUNK:
            if not b"\r\n".startswith(self._line):
                raise _bad("A chunk should end with CR and LF.")
        elif len(self._line) > _MAX_LINE_LENGTH:
            raise _bad("The line before a chunk is too long.")

    def _end_line(self) -> None:
        line, self._line = self._line, b""
        if self._part is _Part.END_OF_CHUNK:
            self._part = _Part.SIZE
        elif self._part is _Part.SIZE:
            self._begin_chunk(line)
        elif line == b"\r\n":
            self.complete = True
        elif not is_field_line(line):
            raise _bad("A trailer field is malformed.")

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise _bad("The line before a chunk should be its size in hexadecimal digits.")
        self._extension_bytes += len(match[2])
        if self._extension_bytes > MAX_EXTENSION_BYTES:
            raise _bad(f"Chunk extensions may have {MAX_EXTENSION_BYTES} bytes.")
        self._left = int(match[1], 16)
        self._part = _Part.CONTENT if self._left else _Part.TRAILER


def reader_of(length: int | None) -> BodyReader | None:
    """Return the decoder for a body of `length` bytes, for a chunked body if it is None; None if there is no body."""
    if length is None:
        return ChunkReader()
    return LengthReader(length) if length else None


def _bad(reason: str) -> ProtocolError:
    return ProtocolError(HTTPStatus.BAD_REQUEST, reason)
