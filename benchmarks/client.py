"""An HTTP client that costs next to nothing, so that what is measured is the server: one request, again and again."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from itertools import cycle
from urllib.parse import urlsplit

import msgspec

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER_SECONDS = 30.0


class Call(msgspec.Struct, frozen=True):
    """A request with its bytes, and where it goes."""

    host: str
    port: int
    content: bytes

    @classmethod
    def post(cls, url: str, body: bytes, headers: Mapping[str, str]) -> "Call":
        """JSON to an address."""
        where = urlsplit(url)
        lines = {**headers, "Host": where.netloc, "Content-Type": "application/json", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        content = f"POST {where.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body
        return cls(where.hostname or "", where.port or 80, content)

    @classmethod
    def get(cls, url: str, headers: Mapping[str, str]) -> "Call":
        """A request for an address, with its query string."""
        where = urlsplit(url)
        target = f"{where.path}?{where.query}" if where.query else where.path
        lines = {**headers, "Host": where.netloc}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return cls(where.hostname or "", where.port or 80, f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii"))

    async def once(self) -> bytes:
        """The body of one answer."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(self.host, self.port)
            try:
                return await self._exchange(reader, writer)
            finally:
                writer.close()

    async def repeat(self, seconds: float, connections: int) -> tuple[list[float], float]:
        """As often as it goes for so long: how long each answer took, and all of them together."""
        return await repeat([self], seconds, connections)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(self.content)
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 304 "):
            return b""
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise AssertionError(f"{self.host}:{self.port} answered {head!r}")
        return await reader.readexactly(int(length[1]))


async def repeat(calls: Sequence[Call], seconds: float, connections: int) -> tuple[list[float], float]:
    """Requests to one server in turns, as many as it answers: how long each answer took, and all of them together."""
    taken: list[float] = []
    begun = time.perf_counter()
    turns = cycle(calls)

    async def go_on() -> None:
        reader, writer = await asyncio.open_connection(calls[0].host, calls[0].port)
        try:
            while (now := time.perf_counter()) < begun + seconds:
                await next(turns)._exchange(reader, writer)  # noqa: SLF001 - of this module
                taken.append(time.perf_counter() - now)
        finally:
            writer.close()

    async with asyncio.timeout(seconds + _ANSWER_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(go_on())
    return taken, time.perf_counter() - begun
