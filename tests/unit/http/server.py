"""HTTP server of one test: the project's connections around a small application."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from app.http.connections import ConnectionLimits, OpenConnections
from app.http.protocol import HttpConnection

LIMITS = ConnectionLimits(
    requests=100, sockets=50, unauthenticated=10, idle_seconds=60, body_seconds=60, send_seconds=60,
    largest_message=262_144,
)  # fmt: skip
CLOSE = b"Connection: close\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HttpSite:
    """Address and connections of a running server."""

    def __init__(self, port: int, connections: OpenConnections, state: ServerState) -> None:
        self.port = port
        self.connections = connections
        self.state = state

    async def open(self, *, receive_buffer: int = 0) -> Stream:
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        return await asyncio.open_connection(sock=connection, limit=2**24)

    async def exchange(self, *parts: bytes, ends: bool = False) -> bytes:
        """Send segments and return all bytes received until the server closes. `ends`: close the sending side first."""
        reader, writer = await self.open()
        for part in parts:
            writer.write(part)
            await writer.drain()
        if ends:
            writer.write_eof()
        received = bytearray()
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while part := await reader.read(65_536):
                    received += part
        writer.close()
        return bytes(received)

    @property
    def only(self) -> HttpConnection | None:
        """The single connection, or None."""
        found = [*self.connections]
        return found[0] if len(found) == 1 and isinstance(found[0], HttpConnection) else None

    async def until_empty(self) -> None:
        assert await self.connections.wait_until_empty(10)


@asynccontextmanager
async def serving(app: ASGIApp, **limits: Any) -> AsyncIterator[HttpSite]:
    connections = OpenConnections(msgspec.structs.replace(LIMITS, **limits))
    config = uvicorn.Config(app)
    config.load()
    state = ServerState()
    make = partial(HttpConnection, config, state, {}, connections=connections)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        yield HttpSite(server.sockets[0].getsockname()[1], connections, state)
    finally:
        server.close()
        for connection in connections:
            connection.evict()
        await connections.wait_until_empty(5)
        for task in state.tasks:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    """Poll a condition that no event reports."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def read_body(receive: Receive) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        content += message["body"]
        if not message["more_body"]:
            return bytes(content)


async def respond(send: Send, content: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(content))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": content})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the request; with `?size=N`, respond with N bytes without reading the body."""
    size = parse_qs(scope["query_string"]).get(b"size")
    content = b"x" * int(size[0]) if size else await read_body(receive)
    line = f"{scope['method']} {scope['path']} {scope['http_version']} ".encode()
    await respond(send, content if size else line + content)


@asynccontextmanager
async def disabled_garbage_collection() -> AsyncIterator[None]:
    """Disable the cycle collector, so that objects are freed by reference count only."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
