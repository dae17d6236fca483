"""SIGTERM: the process accepts requests for a while, marks each response as the last one, and finishes open requests."""

import asyncio
import os
import signal

import pytest

from tests.integration.api.websocket import CHANGED, open_socket
from tests.integration.http.attacks import HEALTH, Target

pytestmark = pytest.mark.timeout(180)

CLOSE = b"\r\nconnection: close\r\n"


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readuntil(b"}")


async def test_requests_are_served_during_shutdown(target: Target) -> None:
    reader, writer = await target.open()
    slow_reader, slow_writer = await target.open()
    body = b'{"query": "{ __typename }"}'
    slow_writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: %b\r\nContent-Length: %d\r\n\r\n"
        % (target.key.encode(), len(body))
    )
    async with open_socket(target.address, target.key) as socket, asyncio.timeout(60):
        await socket.subscribe(CHANGED)
        await socket.ping()
        writer.write(HEALTH)
        assert CLOSE not in await answer(reader)
        os.kill(target.pid, signal.SIGTERM)
        found = b""
        while CLOSE not in found:  # until it has noticed; each of these connections is accepted
            new_reader, new_writer = await target.open()
            new_writer.write(HEALTH)
            found = await answer(new_reader)
            assert found.startswith(b"HTTP/1.1 200 ")
            new_writer.close()
        # A connection that was already open gets `Connection: close`, too. An open request is answered.
        writer.write(HEALTH)
        last = await answer(reader)
        assert last.startswith(b"HTTP/1.1 200 ")
        assert CLOSE in last
        assert await reader.read() == b""
        slow_writer.write(body)
        assert (await slow_reader.read()).startswith(b"HTTP/1.1 200 ")
        # WebSockets stay until new ones connect elsewhere.
        assert (await socket.close_reason())[0] == 1012
        assert await target.process.wait() == 0
    with pytest.raises(ConnectionError):
        await target.open()
    for one in (writer, slow_writer):
        one.close()
