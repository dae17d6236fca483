"""Clients that send too much, too slowly or invalid data, and the externally visible state of the server process."""

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from sandbox.stack.ports import LOOPBACK
from sandbox.stack.process import Process

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
MEGABYTE = 1_048_576


class Target:
    """An API process, observed from outside."""

    def __init__(self, port: int, process: Process, key: str) -> None:
        assert process.pid is not None
        self.port = port
        self.process = process
        self.pid = process.pid
        self.key = key
        self.address = f"http://{LOOPBACK}:{port}"

    @property
    def memory(self) -> int:
        """Resident memory of the process, in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def connections(self) -> int:
        """Number of open sockets, including the listener and the connections to its servers."""
        directory = Path(f"/proc/{self.pid}/fd")
        names = (str(path.readlink()) for path in directory.iterdir() if path.is_symlink())
        with suppress(FileNotFoundError):
            return sum(name.startswith("socket:") for name in names)
        return 0

    async def statuses(self) -> dict[str, int]:
        """Status codes for requests of a valid client."""
        async with httpx.AsyncClient(base_url=self.address, timeout=30, headers={"X-API-Key": self.key}) as client:
            paths = ("/health", "/ready", "/api/v2/diamonds")
            return {path: (await client.get(path)).status_code for path in paths}

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(LOOPBACK, self.port)

    async def exchange(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Send parts as separate segments. Returns everything received until the server closes."""
        reader, writer = await self.open()
        answer = asyncio.create_task(read_all(reader))
        for part in parts:
            if answer.done():
                break
            writer.write(part)
            with suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(30):
            received = await answer
        writer.close()
        return received

    def blocking(self, *, receive_buffer: int | None = None) -> socket.socket:
        """A socket without background reading."""
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect((LOOPBACK, self.port))
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    async def flood(self, content: bytes, most: int, *, start: bytes = b"", seconds: float = 2.0) -> int:
        """Send repeatedly without reading, until the server accepts nothing for a while. Returns the number of accepted
        bytes.
        """
        connection = self.blocking(receive_buffer=4096)
        loop = asyncio.get_running_loop()
        sent = 0
        try:
            if start:
                await loop.sock_sendall(connection, start)
            block = content * (65_536 // len(content) + 1)
            while sent < most:
                async with asyncio.timeout(seconds):
                    await loop.sock_sendall(connection, block)
                sent += len(block)
        except (TimeoutError, ConnectionError):
            pass
        finally:
            connection.close()
        return sent

    def reset(self, content: bytes, *, answered: bool) -> None:
        """Send content, optionally wait for the response, and close the connection with RST."""
        with socket.create_connection((LOOPBACK, self.port), timeout=30) as connection:
            connection.sendall(content)
            if answered:
                connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @asynccontextmanager
    async def bare_sockets(self, count: int) -> AsyncIterator[Sequence[asyncio.StreamReader]]:
        """WebSocket connections that never authenticate."""
        opened = []
        try:
            for _ in range(count):
                reader, writer = await self.open()
                opened.append((reader, writer))
                writer.write(handshake())
            yield [reader for reader, _ in opened]
        finally:
            for _, writer in opened:
                writer.transport.abort()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            received += part
    return bytes(received)


def handshake(path: str = "/graphql", *fields: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Protocol: graphql-transport-ws", *fields,
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A masked client frame."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0xFE, size) if size < 65_536 else None
    head = bytes([(0x80 if final else 0) | opcode]) + (length or struct.pack("!BQ", 0xFF, size))
    return head + b"\0\0\0\0" + payload
