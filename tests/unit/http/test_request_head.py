"""Request heads: accepted forms, and every other HTTP parser reads them in the same way."""

from http import HTTPStatus

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.errors import ProtocolError
from app.http.request_head import LARGEST_HEAD, MAX_FIELDS, RequestHead, check_incomplete, parse_head

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FRAMING = {b"content-length", b"transfer-encoding", b"host", b"connection", b"expect", b"upgrade"}


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def status(request: bytes) -> HTTPStatus | None:
    try:
        parse_head(request)
    except ProtocolError as error:
        return error.status
    return None


def test_head_is_parsed() -> None:
    request = parse_head(
        head(b"POST /a%2Fb/c?d=e&f[]=%20 HTTP/1.1", b"HOST: x:1", b"X-A: \t b c\t ", b"X-Empty:", b"Content-Length: 5")
    )
    assert request == RequestHead(
        method="POST",
        path=b"/a%2Fb/c",
        query=b"d=e&f[]=%20",
        version="1.1",
        fields=[(b"host", b"x:1"), (b"x-a", b"b c"), (b"x-empty", b""), (b"content-length", b"5")],
        length=5,
        keep_alive=True,
        continues=False,
        websocket=False,
    )


ACCEPTED = {
    "version 1.0 without a host": head(b"GET / HTTP/1.0"),
    "an empty host": head(b"GET / HTTP/1.1", b"Host:"),
    "an IPv6 host": head(b"GET / HTTP/1.1", b"Host: [::1]:3000"),
    "all servers": head(b"OPTIONS * HTTP/1.1", b"Host: x"),
    "an unknown method": head(b"M-SEARCH / HTTP/1.1", b"Host: x"),
    "bytes beyond ASCII in a value": head(b"GET / HTTP/1.1", b"Host: x", b"X: \xff\x80"),
    "brackets and quotes in a query": head(b'GET /?a[]=1&b={"c":"d"}|^`<> HTTP/1.1', b"Host: x"),
    "a question mark in a query": head(b"GET /??a=b?c HTTP/1.1", b"Host: x"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_valid_heads_are_accepted(name: str) -> None:
    assert status(ACCEPTED[name]) is None


X = b"Host: x"
REFUSED = {
    "no version": (head(b"GET /"), 400),
    "version 0.9": (head(b"GET / HTTP/0.9"), 505),
    "version 1.2": (head(b"GET / HTTP/1.2", X), 505),
    "version 2.0": (head(b"GET / HTTP/2.0", X), 505),
    "version 3": (head(b"GET / HTTP/3", X), 400),
    "version in small letters": (head(b"GET / http/1.1", X), 400),
    "version with a leading zero": (head(b"GET / HTTP/01.1", X), 400),
    "two spaces": (head(b"GET  / HTTP/1.1", X), 400),
    "a tab": (head(b"GET\t/ HTTP/1.1", X), 400),
    "a space at the end": (head(b"GET / HTTP/1.1 ", X), 400),
    "a space before": (head(b" GET / HTTP/1.1", X), 400),
    "a space in the target": (head(b"GET /a b HTTP/1.1", X), 400),
    "a method in small letters": (head(b"get / HTTP/1.1", X), 400),
    "a method of control characters": (head(b"G\x00T / HTTP/1.1", X), 400),
    "a long method": (head(b"G" * 30 + b" / HTTP/1.1", X), 400),
    "an absolute target": (head(b"GET http://y/ HTTP/1.1", X), 400),
    "an authority": (head(b"CONNECT y:443 HTTP/1.1", X), 400),
    "a fragment": (head(b"GET /a#b HTTP/1.1", X), 400),
    "a fragment in the query": (head(b"GET /?a#b HTTP/1.1", X), 400),
    "bytes beyond ASCII in the target": (head(b"GET /\xff HTTP/1.1", X), 400),
    "a control character in the target": (head(b"GET /\x7f HTTP/1.1", X), 400),
    "an asterisk with GET": (head(b"GET * HTTP/1.1", X), 400),
    "an asterisk with a query": (head(b"OPTIONS *?a HTTP/1.1", X), 400),
    "no host": (head(b"GET / HTTP/1.1"), 400),
    "two hosts": (head(b"GET / HTTP/1.1", X, X), 400),
    "a host with a path": (head(b"GET / HTTP/1.1", b"Host: x/y"), 400),
    "a host with a user": (head(b"GET / HTTP/1.1", b"Host: a@x"), 400),
    "two hosts in one": (head(b"GET / HTTP/1.1", b"Host: x y"), 400),
    "a space before the colon": (head(b"GET / HTTP/1.1", X, b"X-A : b"), 400),
    "a folded line": (head(b"GET / HTTP/1.1", X, b"X-A: b", b" c"), 400),
    "a folded first line": (head(b"GET / HTTP/1.1", b" c", X), 400),
    "no colon": (head(b"GET / HTTP/1.1", X, b"X-A"), 400),
    "no name": (head(b"GET / HTTP/1.1", X, b": b"), 400),
    "a name with brackets": (head(b"GET / HTTP/1.1", X, b"X[A]: b"), 400),
    "a name beyond ASCII": (head(b"GET / HTTP/1.1", X, b"X\xff: b"), 400),
    "NUL in a value": (head(b"GET / HTTP/1.1", X, b"X: \x00"), 400),
    "a carriage return in a value": (head(b"GET / HTTP/1.1", X, b"X: a\rb"), 400),
    "a line feed in a value": (head(b"GET / HTTP/1.1", X, b"X: a\nb"), 400),
    "a vertical tab in a value": (head(b"GET / HTTP/1.1", X, b"X: a\x0bb"), 400),
    "two lengths": (head(b"POST / HTTP/1.1", X, b"Content-Length: 5", b"Content-Length: 5"), 400),
    "a list of lengths": (head(b"POST / HTTP/1.1", X, b"Content-Length: 5, 5"), 400),
    "a signed length": (head(b"POST / HTTP/1.1", X, b"Content-Length: +5"), 400),
    "a negative length": (head(b"POST / HTTP/1.1", X, b"Content-Length: -5"), 400),
    "a hexadecimal length": (head(b"POST / HTTP/1.1", X, b"Content-Length: 0x5"), 400),
    "an empty length": (head(b"POST / HTTP/1.1", X, b"Content-Length:"), 400),
    "an enormous length": (head(b"POST / HTTP/1.1", X, b"Content-Length: " + b"9" * 20), 400),
    "a length with an underscore": (head(b"POST / HTTP/1.1", X, b"Content-Length: 1_0"), 400),
    "a length and chunks": (head(b"POST / HTTP/1.1", X, b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    "chunks in 1.0": (head(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked"), 400),
    "gzip and chunks": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: gzip, chunked"), 501),
    "gzip and chunks in two": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"), 501),
    "chunks and gzip": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: chunked, gzip"), 400),
    "gzip alone": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: gzip"), 400),
    "an unknown coding": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: xchunked"), 400),
    "chunks twice": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: chunked, chunked"), 400),
    "chunks with a parameter": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: chunked;a=b"), 400),
    "quoted chunks": (head(b"POST / HTTP/1.1", X, b'Transfer-Encoding: "chunked"'), 400),
    "an empty coding": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding:"), 400),
    "identity": (head(b"POST / HTTP/1.1", X, b"Transfer-Encoding: identity"), 400),
    "an unknown expectation": (head(b"POST / HTTP/1.1", X, b"Expect: 200-ok"), 417),
    "two expectations": (head(b"POST / HTTP/1.1", X, b"Expect: 100-continue", b"Expect: 100-continue"), 417),
    "too many fields": (head(b"GET / HTTP/1.1", X, *[b"X:"] * MAX_FIELDS), 431),
    "an upgrade with a body": (
        head(b"GET / HTTP/1.1", X, b"Connection: upgrade", b"Upgrade: websocket", b"Content-Length: 1"), 400,
    ),
    "an upgrade with chunks": (
        head(b"GET / HTTP/1.1", X, b"Connection: upgrade", b"Upgrade: websocket", b"Transfer-Encoding: chunked"), 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_and_malformed_heads_are_rejected(name: str) -> None:
    request, expected = REFUSED[name]
    assert status(request) == expected


@pytest.mark.parametrize(
    ("lines", "alive"),
    [
        ([b"Connection: keep-alive"], True),
        ([b"Connection: close"], False),
        ([b"Connection: Keep-Alive, CLOSE"], False),
        ([b"Connection: upgrade", b"Connection: close"], False),
        ([b"X-Connection: close"], True),
    ],
)
def test_connection_options_are_read_from_all_fields(lines: list[bytes], alive: bool) -> None:
    assert parse_head(head(b"GET / HTTP/1.1", X, *lines)).keep_alive is alive
    assert parse_head(head(b"GET / HTTP/1.0", *lines)).keep_alive is False


def test_only_valid_websocket_upgrade_is_upgrade() -> None:
    for upgrade, websocket in ((b"websocket", True), (b"WebSocket", True), (b"h2c", False), (b"h2c, websocket", False)):
        request = parse_head(head(b"GET / HTTP/1.1", X, b"Connection: keep-alive, Upgrade", b"Upgrade: " + upgrade))
        assert request.websocket is websocket
    assert not parse_head(head(b"GET / HTTP/1.1", X, b"Upgrade: websocket")).websocket


@pytest.mark.parametrize(
    "part",
    [
        b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nHost: x\n", b"GET /\r\n", b"\x16\x03\x01\r\n", b"GET / HTTP/2\r\n",
        b"\n", b"G" * (LARGEST_HEAD + 1),
    ],
)  # fmt: skip
def test_invalid_head_is_rejected_before_its_end(part: bytes) -> None:
    with pytest.raises(ProtocolError):
        check_incomplete(part)


@given(st.integers(0, len(ACCEPTED["an IPv6 host"]) - 1))
def test_beginning_of_valid_head_is_accepted(length: int) -> None:
    check_incomplete(ACCEPTED["an IPv6 host"][:length])


@pytest.mark.parametrize(
    "block", [b"a:" + b" " * 32_000, b"a:  b  \r\n" * 3_500, b"a" * 32_000, b"a:\r\n" * 8_000, b": " * 16_000]
)
def test_malformed_heads_are_rejected_without_backtracking(block: bytes) -> None:
    # A regular expression that backtracks exceeds every timeout here.
    assert status(b"GET / HTTP/1.1\r\n" + block + b"\x00\r\n\r\n") == 400


names = st.text(TOKEN, min_size=1, max_size=12).map(str.encode).filter(lambda name: name.lower() not in FRAMING)
values = st.binary(max_size=20).filter(lambda value: not set(value) - {9, *range(32, 127), *range(128, 256)})


@given(
    st.sampled_from([b"GET", b"POST", b"DELETE"]),
    st.text("abc/%2F.?=&[]", max_size=20).map(lambda text: b"/" + text.encode()),
    st.lists(st.tuples(names, values), max_size=8),
    st.sampled_from([[], [b"Content-Length: 7"], [b"Transfer-Encoding: chunked"], [b"Connection: close"]]),
)
def test_h11_parses_valid_head_equally(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], framing: list[bytes]
) -> None:
    text = head(method + b" " + target + b" HTTP/1.1", X, *(b"%b: %b" % field for field in fields), *framing)
    request = parse_head(text)
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(text)
    event = peer.next_event()
    assert isinstance(event, h11.Request)
    assert (request.method.encode(), request.path + (b"?" + request.query if b"?" in target else b"")) == (
        event.method,
        event.target,
    )
    assert request.fields == [(name, value) for name, value in event.headers]


noise = st.sampled_from([b"\r", b"\n", b" ", b"\t", b":", b"\x00", b"\r\n", b"\r\n ", b"X", b"\x0b", b"\xff"])


@given(st.lists(st.tuples(st.integers(0, 60), noise), min_size=1, max_size=4))
def test_accepted_head_is_accepted_by_h11(changes: list[tuple[int, bytes]]) -> None:
    text = bytearray(head(b"POST /a?b HTTP/1.1", X, b"X-A: b", b"Content-Length: 0"))
    for place, inserted in changes:
        text[place:place] = inserted
    end = text.find(b"\r\n\r\n") + 4
    if end < 4 or status(bytes(text[:end])) is not None:
        return
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(bytes(text[:end]))
    event = peer.next_event()
    assert isinstance(event, h11.Request)
    assert parse_head(bytes(text[:end])).fields == [(name, value) for name, value in event.headers]
