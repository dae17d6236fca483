"""Load generator: each response has the expected status."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.client import HttpRequest

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n\r\n"


@asynccontextmanager
async def server_of(response: bytes) -> AsyncIterator[str]:
    """Serve one response to every request. Yields the URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(("status", "response", "body"), [(200, OK, b"{}"), (304, NOT_MODIFIED, b"")])
async def test_send_returns_the_body_of_the_expected_status(status: int, response: bytes, body: bytes) -> None:
    async with server_of(response) as url:
        assert await HttpRequest.get(url, {}, status=status).send() == body


@pytest.mark.parametrize(("status", "response"), [(200, NOT_MODIFIED), (304, OK)])
async def test_send_rejects_another_status(status: int, response: bytes) -> None:
    async with server_of(response) as url:
        with pytest.raises(AssertionError, match=f"instead of {status}"):
            await HttpRequest.get(url, {}, status=status).send()
