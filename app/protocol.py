"""HTTP/1.1 by uvicorn and httptools, which set no limit to a request's headers: neither to their size nor to their time."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LARGEST_HEADERS = 32_768
HEADER_SECONDS = 15.0

# Whoever restarts processes that do not answer is always answered.
_SPARED = b"/health"
_CODES: Mapping[HTTPStatus, str] = {HTTPStatus.SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE"}
_HEADERS: Mapping[HTTPStatus, str] = {HTTPStatus.SERVICE_UNAVAILABLE: "retry-after: 5\r\n"}


class Refused(Exception):
    """The request is not answered. Raised inside the parser, it makes it give up."""


class Protocol(HttpToolsProtocol):
    """A connection whose client has to send the headers of a request soon, and not too many.

    Where there are too many connections, the one that has waited longest for its client is hung up on: for a request, or
    for the rest of one. Where none does, requests are refused.
    """

    _received = 0
    _incomplete = True
    _refusal = HTTPStatus.BAD_REQUEST
    _timer: asyncio.TimerHandle | None = None
    # When a connection, the headers of a request, or its answer were the last that happened here.
    _stirred_at = 0.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """As uvicorn calls it."""
        super().__init__(*arguments, **named)
        # Uvicorn's own refusal is not in the form of all refusals, and spares nobody.
        self._most, self.limit_concurrency = self.limit_concurrency, None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request, but not for long."""
        super().connection_made(transport)
        self._stirred_at = self.loop.time()
        self._wait_for_headers()
        if self._crowded:
            self._make_room()

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

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. Blanks behind its value are no part of it; those before it the parser has left out."""
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """The headers are there: see how large they are."""
        self._incomplete = False
        self._received = 0
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > LARGEST_HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if not self._says_where():
            self._refuse(HTTPStatus.BAD_REQUEST)
        if self._crowded and self.url != _SPARED:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        self._stirred_at = self.loop.time()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The request is answered: wait for another."""
        self._stirred_at = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, in the form of all refusals, and hang up."""
        del msg
        status = self._refusal
        error = {"code": _CODES.get(status, "BAD_REQUEST"), "message": f"{status.phrase}."}
        body = msgspec.json.encode({"error": error})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n{_HEADERS.get(status, '')}\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    @property
    def waits_since(self) -> float | None:
        """Since when it waits for its client, for a request or for the rest of one; None while it answers one."""
        request = cast("RequestResponseCycle | None", self.cycle)  # none before the first one
        answers = request is not None and not (request.response_complete or request.more_body)
        return None if answers or self.pipeline else self._stirred_at

    @property
    def _crowded(self) -> bool:
        return self._most is not None and len(self.connections) > self._most

    def _make_room(self) -> None:
        others = (one for one in self.connections if isinstance(one, Protocol) and one is not self)
        waiting = [(one.waits_since, one) for one in others if one.waits_since is not None]
        if waiting:
            _, longest = min(waiting, key=lambda entry: entry[0])
            self.connections.discard(longest)
            longest.transport.close()

    def _says_where(self) -> bool:
        """Whether the request names one host, and its target is a path: proxies and we must not read it differently."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        return self.url[:1] in b"/*" and (hosts == 1 or (hosts == 0 and self.parser.get_http_version() == "1.0"))

    def _refuse(self, status: HTTPStatus) -> NoReturn:
        self._refusal = status
        raise Refused

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
