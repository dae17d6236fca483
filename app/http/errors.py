"""HTTP protocol errors and their responses."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

_CODES: Mapping[HTTPStatus, str] = {
    HTTPStatus.FORBIDDEN: "FORBIDDEN",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
}
_HEADERS: Mapping[HTTPStatus, str] = {
    HTTPStatus.SERVICE_UNAVAILABLE: "retry-after: 5\r\n",
    HTTPStatus.UPGRADE_REQUIRED: "upgrade: websocket\r\nsec-websocket-version: 13\r\n",
}


class ProtocolError(Exception):
    """The bytes of a connection are not a valid request, or the server does not accept it.

    `status` is the response status. The server then closes the connection, because it cannot find the next request.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def error_response(error: ProtocolError, date: bytes = b"") -> bytes:
    """Encode the response to a protocol error, with the JSON body of all errors. `date` holds header lines to add."""
    status = error.status
    problem = {"code": _CODES.get(status, "BAD_REQUEST"), "message": f"{status.phrase}. {error.reason}"}
    body = msgspec.json.encode({"error": problem})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n{_HEADERS.get(status, '')}"
    )
    return head.encode("ascii") + date + b"\r\n" + body
