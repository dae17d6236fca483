"""Body framing: the same content for every segmentation, and limits on chunk metadata."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.errors import ProtocolError
from app.http.request_body import MAX_EXTENSION_BYTES, MAX_TRAILER_BYTES, BodyReader, ChunkReader, LengthReader

NEXT = b"GET / HTTP/1.1\r\n"


def read(reader: BodyReader, text: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Feed a text in segments. Returns the content and the bytes after the body."""
    content, left = bytearray(), bytearray()
    bounds = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    for start, end in pairwise(bounds):
        segment = text[start:end]
        position = 0
        if not reader.complete and segment:
            part, position = reader.feed(segment, 0)
            content += part
        left += segment[position:]
    return bytes(content), bytes(left)


def chunked(parts: list[bytes], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    return chunks + b"0%b\r\n%b\r\n" % (extension, trailer)


cuts = st.lists(st.integers(0, 400), max_size=8)


@given(st.binary(min_size=1, max_size=60), cuts)
def test_body_with_length_ends_there(content: bytes, where: list[int]) -> None:
    reader = LengthReader(len(content))
    assert read(reader, content + NEXT, where) == (content, NEXT)
    assert reader.complete


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=5),
    st.sampled_from([b"", b";a", b";a=b", b';a="b c"']),
    st.sampled_from([b"", b"X-API-Key: k\r\n", b"A: b\r\nContent-Length: 5\r\n"]),
    cuts,
)
def test_chunked_body_contains_only_chunks(
    parts: list[bytes], extension: bytes, trailer: bytes, where: list[int]
) -> None:
    reader = ChunkReader()
    assert read(reader, chunked(parts, extension, trailer) + NEXT, where) == (b"".join(parts), NEXT)
    assert reader.complete


MALFORMED = {
    "no size": b"\r\n",
    "a sign": b"+5\r\nhello\r\n",
    "a prefix": b"0x5\r\nhello\r\n",
    "an underscore": b"0_5\r\nhello\r\n",
    "a space before": b" 5\r\nhello\r\n",
    "a space behind": b"5 \r\nhello\r\n",
    "a space before the extension": b"5 ;a\r\nhello\r\n",
    "a bare line feed": b"5\nhello\r\n",
    "a bare line feed behind the chunk": b"5\r\nhello\n",
    "no end of the chunk": b"5\r\nhello0\r\n\r\n",
    "a longer chunk": b"5\r\nhellox\r\n",
    "a carriage return alone": b"5\r\nhello\rX",
    "nine digits": b"000000005\r\nhello\r\n",
    "an enormous size": b"fffffffffffffffff\r\n",
    "a control character in an extension": b"5;\x00\r\nhello\r\n",
    "a bare line feed in an extension": b"5;a\nb\r\nhello\r\n",
    "a long extension": b"5;" + b"a" * 2_000,
    "no end of the size": b"5" * 2_000,
    "a trailer without a colon": b"0\r\nX\r\n\r\n",
    "a folded trailer": b"0\r\nX: a\r\n b\r\n\r\n",
    "a bare line feed behind a trailer": b"0\r\nX: a\n\r\n",
    "a bare line feed at the end": b"0\r\n\n",
    "a carriage return in a trailer": b"0\r\nX: a\rb\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in bytes"])
def test_malformed_chunks_are_rejected(name: str, at_once: bool) -> None:
    text = MALFORMED[name]
    with pytest.raises(ProtocolError):
        read(ChunkReader(), text, [] if at_once else list(range(len(text))))


def accepted_repetitions(start: bytes, part: bytes) -> int:
    """Number of bytes of an endless repetition that the reader accepts."""
    reader = ChunkReader()
    reader.feed(start, 0)
    for number in range(100_000):
        try:
            reader.feed(part, 0)
        except ProtocolError:
            return number * len(part)
    raise AssertionError("it is never refused")


@pytest.mark.parametrize("part", [b"X: a\r\n", b"a", b"X: " + b"a" * 500 + b"\r\n"])
def test_endless_trailers_are_rejected(part: bytes) -> None:
    assert accepted_repetitions(b"0\r\n", part) <= MAX_TRAILER_BYTES


@pytest.mark.parametrize("part", [b"1;a\r\nx\r\n", b"1;" + b"a" * 500 + b"\r\nx\r\n"])
def test_endless_extensions_are_rejected(part: bytes) -> None:
    assert accepted_repetitions(b"1\r\nx\r\n", part) <= 4 * MAX_EXTENSION_BYTES
