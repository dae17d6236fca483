"""HTTP/1.1 by uvicorn and httptools, which set no limit to a request's headers: neither to their size nor to their time."""

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEADERS = 32_768
HEADER_SECONDS = 15.0


class TooLarge(Exception):
    """The request line and the headers are larger than allowed."""


class Protocol(HttpToolsProtocol):
    """A connection whose client has to send the headers of a request soon, and not too many."""

    _received = 0
    _incomplete = True
    _refusal = HTTPStatus.BAD_REQUEST
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request, but not for long."""
        super().connection_made(transport)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a line without end is not read for ever."""
        if self._incomplete:
            self._received += len(data)
        super().data_received(data)
        if self._incomplete and self._received > LARGEST_HEADERS and not self.transport.is_closing():
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins, the first one or another."""
        self._incomplete = True
        if self._timer is None:
            self._received = 0
            self._wait_for_headers()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are there: see how large they are."""
        self._incomplete = False
        self._received = 0
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > LARGEST_HEADERS:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise TooLarge  # makes the parser give up, and uvicorn refuse the request
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, in the form of all refusals, and hang up."""
        del msg
        status = self._refusal
        error = {"code": "BAD_REQUEST", "message": f"{status.phrase}."}
        body = msgspec.json.encode({"error": error})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _wait_for_headers(self) -> None:
        self._timer = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refusal = HTTPStatus.REQUEST_TIMEOUT
            self.send_400_response("")
