"""Protocol errors, and the answer to a request that does not reach the application."""

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

    `status`: of the answer. The connection is closed afterwards, because the start of the next request is unknown.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def refusal(error: ProtocolError, date: bytes = b"") -> bytes:
    """The bytes of the answer to a protocol error, in the form of all other errors. `date`: header lines to add."""
    status = error.status
    problem = {"code": _CODES.get(status, "BAD_REQUEST"), "message": f"{status.phrase}. {error.reason}"}
    body = msgspec.json.encode({"error": problem})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n{_HEADERS.get(status, '')}"
    )
    return head.encode("ascii") + date + b"\r\n" + body
