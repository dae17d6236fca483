"""TCP endpoints for tests, between client and server or instead of a server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

_CHUNK = 65_536


class Relay:
    """Forwards connections to a server. `freeze` stops forwarding without closing, as a firewall does that dropped its
    state.
    """

    def __init__(self, port: int) -> None:
        """`port`: of the server, on 127.0.0.1."""
        self.port = 0
        self._to = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._frozen: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Self]:
        """Open a relay. With `tls` it uses TLS with clients and plain TCP with the server."""
        relay = cls(port)
        server = await asyncio.start_server(relay._serve, "127.0.0.1", 0, ssl=tls)
        relay.port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            server.close()
            for writer in relay._writers:
                writer.transport.abort()
            for task in relay._tasks:
                task.cancel()
            await asyncio.gather(*relay._tasks, return_exceptions=True)
            await server.wait_closed()

    def freeze(self) -> None:
        """Stop forwarding on current connections in both directions. New connections are served."""
        self._frozen |= self._writers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, back}
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._forward(source, target))
            self._tasks.add(task)

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if target in self._frozen:
                    continue
                target.write(data)
                await target.drain()
        if target not in self._frozen:
            target.close()


class SilentEndpoint:
    """Accepts connections, sends a greeting, and nothing more."""

    def __init__(self, greeting: bytes) -> None:
        self.port = 0
        self._greeting = greeting
        self._open = 0
        self._changed = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def open(cls, greeting: bytes) -> AsyncIterator[Self]:
        """Open the endpoint."""
        endpoint = cls(greeting)
        server = await asyncio.start_server(endpoint._serve, "127.0.0.1", 0)
        endpoint.port = server.sockets[0].getsockname()[1]
        try:
            yield endpoint
        finally:
            server.close()
            await server.wait_closed()

    async def connections(self, number: int) -> None:
        """Wait until this number of connections is open."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._open == number)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(1)
        try:
            writer.write(self._greeting)
            with suppress(OSError):
                while await reader.read(_CHUNK):
                    pass
        finally:
            await self._count(-1)
            writer.close()

    async def _count(self, change: int) -> None:
        async with self._changed:
            self._open += change
            self._changed.notify_all()
