"""HTTP/1.1 request head parser: the grammar of RFC 9112 without its deprecated and ambiguous forms.

A proxy and the server must parse a request in the same way; a difference allows request smuggling. The parser therefore
rejects input that RFC 9112 lets a recipient repair: bare line feeds, folded lines, blanks before a colon,
Content-Length with Transfer-Encoding, repeated lengths, absolute targets (docs/decisions/0006-http-protocol.md).
"""

import re
from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from app.http.errors import ProtocolError

# Maximum size of request line and header fields, in bytes.
LARGEST_HEAD = 32_768
MAX_FIELDS = 100
END_OF_HEAD = b"\r\n\r\n"

Fields = list[tuple[bytes, bytes]]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_FIELD_LINE = _TOKEN + rb":[\t -~\x80-\xff]*+\r\n"
# All visible ASCII characters except `#`: a request target has no fragment.
_REQUEST_LINE = rb"([A-Z][A-Z\-]{0,19}) (/[!\"$->@-~]*+|\*)(\?[!\"$-~]*+)? HTTP/([0-9]\.[0-9])\r\n"
_HEAD = re.compile(_REQUEST_LINE + rb"((?:" + _FIELD_LINE + rb")*+)\r\n")
_FIRST_LINE = re.compile(_REQUEST_LINE)
_FIELD = re.compile(_FIELD_LINE)
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_HOST = re.compile(rb"[0-9A-Za-z.\-_~%!$&'()*+,;=:\[\]]*+")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_SPECIAL = frozenset({
    b"connection", b"content-length", b"expect", b"host", b"transfer-encoding", b"upgrade",
})  # fmt: skip
_NO_TOKENS: frozenset[bytes] = frozenset()
_VERSIONS = {b"1.1": "1.1", b"1.0": "1.0"}


class RequestHead(msgspec.Struct, frozen=True):
    """Request line and header fields of a valid request.

    `path` and `query` are percent-encoded. Names of `fields` are in lower case. `length` is the length of the body in
    bytes, None if it is chunked. `keep_alive`: the client allows another request. `continues`: the client waits for
    100 (Continue).
    """

    method: str
    path: bytes
    query: bytes
    version: str
    fields: Fields
    length: int | None
    keep_alive: bool
    continues: bool
    websocket: bool


def parse_head(head: bytes) -> RequestHead:
    """Parse a complete request head, including the empty line at its end.

    Raises:
        ProtocolError: the head is malformed, ambiguous, or not supported.
    """
    match = _HEAD.fullmatch(head)
    if match is None:
        raise _malformed(head)
    method, path, query, version, block = match.groups()
    known = _VERSIONS.get(version)
    if known is None:
        raise ProtocolError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Use HTTP/1.1.")
    if path == b"*" and (method != b"OPTIONS" or query is not None):
        raise _bad("Only OPTIONS may have the target *.")
    fields: Fields = []
    special: dict[bytes, list[bytes]] = {}
    for line in block.split(b"\r\n")[:-1]:
        given_name, _, given_value = line.partition(b":")
        name, value = given_name.lower(), given_value.strip(b" \t")
        fields.append((name, value))
        if name in _SPECIAL:
            special.setdefault(name, []).append(value)
    if len(fields) > MAX_FIELDS:
        reason = f"Send at most {MAX_FIELDS} header fields."
        raise ProtocolError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    _check_host(special.get(b"host", ()), known)
    options = _tokens(special[b"connection"]) if b"connection" in special else _NO_TOKENS
    length = _length(special, known)
    websocket = b"upgrade" in options and known == "1.1" and _tokens(special.get(b"upgrade", ())) == {b"websocket"}
    if websocket and length != 0:
        raise _bad("A request that upgrades to WebSocket has no body.")
    return RequestHead(
        method=method.decode("ascii"),
        path=path,
        query=query[1:] if query else b"",
        version=known,
        fields=fields,
        length=length,
        keep_alive=known == "1.1" and b"close" not in options,
        continues=_continues(special.get(b"expect", ()), known),
        websocket=websocket,
    )


def check_incomplete(head: bytes) -> None:
    """Reject an incomplete head that can no longer become valid.

    Raises:
        ProtocolError: the head has a bare line feed or a malformed request line, or is too large.
    """
    if _BARE_LINE_FEED.search(head):
        raise _bad("Lines end with CR and LF.")
    if b"\r\n" in head and not _FIRST_LINE.match(head):
        raise _malformed(head)
    check_size(len(head))


def check_size(size: int) -> None:
    """Reject an oversized head.

    Raises:
        ProtocolError: the head is larger than `LARGEST_HEAD`.
    """
    if size > LARGEST_HEAD:
        reason = f"Request line and header fields may have {LARGEST_HEAD} bytes."
        raise ProtocolError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)


def is_field_line(line: bytes) -> bool:
    """Whether a line, including its line end, is a valid header field."""
    return _FIELD.fullmatch(line) is not None


def _malformed(head: bytes) -> ProtocolError:
    if _FIRST_LINE.match(head):
        return _bad("A header field is malformed.")
    return _bad(
        "The request line is malformed. Send a method, a path that begins with / and has no fragment (#), and HTTP/1.1."
    )


def _check_host(hosts: Sequence[bytes], version: str) -> None:
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise _bad("Send one Host header.")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise _bad("The Host header is malformed.")


def _length(special: dict[bytes, list[bytes]], version: str) -> int | None:
    """Return the length of the body in bytes, None if it is chunked."""
    lengths, codings = special.get(b"content-length"), special.get(b"transfer-encoding")
    if codings is None:
        if lengths is None:
            return 0
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise _bad("Send one Content-Length header, a number.")
        return int(lengths[0])
    if lengths is not None:
        raise _bad("Send either Content-Length or Transfer-Encoding.")
    if version != "1.1":
        raise _bad("Transfer-Encoding needs HTTP/1.1.")
    listed = [coding.strip(b" \t").lower() for value in codings for coding in value.split(b",")]
    if listed != [b"chunked"]:
        if listed[-1] == b"chunked" and b"chunked" not in listed[:-1]:
            raise ProtocolError(HTTPStatus.NOT_IMPLEMENTED, "The only supported transfer coding is chunked.")
        raise _bad("The last transfer coding should be chunked.")
    return None


def _continues(expectations: Sequence[bytes], version: str) -> bool:
    if not expectations or version != "1.1":
        return False
    if [value.lower() for value in expectations] != [b"100-continue"]:
        raise ProtocolError(HTTPStatus.EXPECTATION_FAILED, "The only supported expectation is 100-continue.")
    return True


def _tokens(values: Sequence[bytes]) -> frozenset[bytes]:
    return frozenset(token.strip(b" \t").lower() for value in values for token in value.split(b","))


def _bad(reason: str) -> ProtocolError:
    return ProtocolError(HTTPStatus.BAD_REQUEST, reason)
