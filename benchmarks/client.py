"""HTTP load generator with little CPU cost, so that the server is the bottleneck. It repeats prepared requests."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import cycle
from urllib.parse import urlsplit

import msgspec

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER_SECONDS = 30.0


class HttpRequest(msgspec.Struct, frozen=True):
    """An encoded HTTP/1.1 request and the address of its server. `status`: the only accepted status of its responses."""

    host: str
    port: int
    content: bytes
    status: int = 200

    @classmethod
    def post(cls, url: str, body: bytes, headers: Mapping[str, str]) -> "HttpRequest":
        """Create a POST request with a JSON body."""
        parts = urlsplit(url)
        lines = {**headers, "Host": parts.netloc, "Content-Type": "application/json", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        content = f"POST {parts.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body
        return cls(parts.hostname or "", parts.port or 80, content)

    @classmethod
    def get(cls, url: str, headers: Mapping[str, str], *, status: int = 200) -> "HttpRequest":
        """Create a GET request for a URL with its query string."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = {**headers, "Host": parts.netloc}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        content = f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii")
        return cls(parts.hostname or "", parts.port or 80, content, status)

    async def send(self) -> bytes:
        """Send the request once. Returns the response body."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(self.host, self.port)
            try:
                return await self._send_on(reader, writer)
            finally:
                writer.close()

    async def send_repeatedly(self, seconds: float, connections: int) -> tuple[list[float], float]:
        """Send the request repeatedly, see `send_repeatedly`."""
        return await send_repeatedly([self], seconds, connections)

    async def _send_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(self.content)
        head = await reader.readuntil(b"\r\n\r\n")
        accepted = head.startswith(b"HTTP/1.1 %d " % self.status)
        if accepted and self.status == HTTPStatus.NOT_MODIFIED:
            return b""
        length = _LENGTH.search(head)
        if not accepted or length is None:
            content = await reader.read(1000) if length and int(length[1]) else b""
            raise AssertionError(f"{self.host}:{self.port} answered {head!r} instead of {self.status}: {content!r}")
        return await reader.readexactly(int(length[1]))


async def send_repeatedly(calls: Sequence[HttpRequest], seconds: float, connections: int) -> tuple[list[float], float]:
    """Send requests to one server in rotation for `seconds`, each connection one at a time.

    Returns the response times and the elapsed time, in seconds.
    """
    durations: list[float] = []
    start_time = time.perf_counter()
    turns = cycle(calls)

    async def send_until_deadline() -> None:
        reader, writer = await asyncio.open_connection(calls[0].host, calls[0].port)
        try:
            while (now := time.perf_counter()) < start_time + seconds:
                await next(turns)._send_on(reader, writer)  # noqa: SLF001 - of this module
                durations.append(time.perf_counter() - now)
        finally:
            writer.close()

    async with asyncio.timeout(seconds + _ANSWER_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(send_until_deadline())
    return durations, time.perf_counter() - start_time
