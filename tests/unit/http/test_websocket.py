"""WebSocket connections: handshake, messages, closing, and limits in both directions, over real sockets."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.http import connections as pools
from app.http import websocket
from app.http.websocket import WebSocketConnection
from tests.integration.http.attacks import frame, handshake
from tests.unit.http.server import LIMITS, HttpSite, serving, until


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo messages. The message `auth` authenticates, `close` closes."""
    assert scope["type"] == "websocket"
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/refused":
        await send({"type": "websocket.close", "code": 1000})
        return
    chosen = next(iter(scope["subprotocols"]), None)
    await send({"type": "websocket.accept", "subprotocol": chosen, "headers": [(b"x-own", b"1")]})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "auth":
            pools.authenticate(scope)
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
            return
        await send({**message, "type": "websocket.send"})


def dial(site: HttpSite, path: str = "/", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{site.port}{path}", compression=None, **options)


async def ended(client: ClientConnection) -> tuple[int | None, str | None]:
    with suppress(ConnectionClosed):
        async with asyncio.timeout(20):
            while True:
                await client.recv()
    return client.close_code, client.close_reason


async def test_messages_of_all_sizes_and_types_are_echoed() -> None:
    async with serving(echo) as site, dial(site) as client:
        messages: list[str | bytes] = ["", "a", "ä" * 200, b"", b"\x00\xff" * 5_000]
        for message in messages:
            await client.send(message)
            assert await client.recv() == message
        await client.send(["frag", "men", "", "ted"])
        assert await client.recv() == "fragmented"


async def test_many_messages_arrive_in_order() -> None:
    async with serving(echo) as site, dial(site) as client:
        for number in range(2_000):
            await client.send(f"{number}")
        assert [await client.recv() for _ in range(2_000)] == [f"{number}" for number in range(2_000)]


async def test_frames_sent_with_handshake_are_read() -> None:
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(handshake("/") + frame(1, b"early"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert await reader.readexactly(7) == b"\x81\x05early"
        writer.close()


async def test_application_selects_subprotocol_and_headers() -> None:
    async with serving(echo) as site, dial(site, subprotocols=["b", "a"]) as client:
        assert client.subprotocol == "b"
        assert client.response is not None
        assert client.response.headers["X-Own"] == "1"
        assert "Date" in client.response.headers


async def test_application_may_reject_handshake() -> None:
    async with serving(echo) as site:
        with pytest.raises(InvalidStatus) as raised:
            async with dial(site, "/refused"):
                pass
        assert raised.value.response.status_code == 403
        assert b'"code":"FORBIDDEN"' in (raised.value.response.body or b"")
        await site.until_empty()


BROKEN = {
    "another version": (handshake("/").replace(b"Version: 13", b"Version: 8"), b"426"),
    "no version": (handshake("/").replace(b"Sec-WebSocket-Version: 13\r\n", b""), b"426"),
    "no key": (handshake("/").replace(b"Sec-WebSocket-Key", b"X"), b"400"),
    "a short key": (handshake("/").replace(b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: A"), b"400"),
    "two keys": (handshake("/", f"Sec-WebSocket-Key: {'A' * 22}=="), b"400"),
    "another method": (handshake("/").replace(b"GET", b"POST"), b"400"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_malformed_handshakes_are_rejected(name: str) -> None:
    request, status = BROKEN[name]
    async with serving(echo) as site:
        assert (await site.exchange(request))[:13] == b"HTTP/1.1 " + status + b" "


async def test_either_side_may_start_closing_handshake() -> None:
    async with serving(echo) as site:
        async with dial(site) as client:
            await client.send("close")
            assert await ended(client) == (4001, "as you wish")
        async with dial(site) as client:
            await client.close(4002, "bye")
            assert client.close_code == 4002
        await site.until_empty()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (frame(1, b"\xff"), 1007),
        (frame(0, b"x"), 1002),
        (frame(3, b"x"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", final=False), 1002),
        (frame(1, b"x", final=False) + frame(1, b"x"), 1002),
        (frame(1, b"x" * 20_000), 1009),
        (frame(1, b"x" * 10_000, final=False) + frame(0, b"x" * 10_000), 1009),
        (b"\x81\x01x", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
    ],
    ids=[
        "not UTF-8", "a continuation of nothing", "an unknown kind", "a long ping", "a ping in parts", "two at once",
        "too long", "too long in parts", "not masked", "a reserved bit",
    ],
)  # fmt: skip
async def test_malformed_messages_close_socket_with_code(content: bytes, code: int) -> None:
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(handshake("/") + content)
        await reader.readuntil(b"\r\n\r\n")
        head = await reader.readexactly(4)
        assert (head[0], int.from_bytes(head[2:])) == (0x88, code)
        writer.close()
        await site.until_empty()


async def test_only_authenticated_clients_send_long_messages() -> None:
    long = "x" * 100_000
    async with serving(echo) as site:
        async with dial(site) as client:
            await client.send(long)
            assert (await ended(client))[0] == 1009
        async with dial(site) as client:
            await client.send("auth")
            await client.recv()
            await client.send(long)
            assert await client.recv() == long
            await client.send(long * 3)
            assert (await ended(client))[0] == 1009


async def test_empty_fragments_use_no_memory() -> None:
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(handshake("/") + frame(1, b"a", final=False))
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(20):
            writer.write(frame(0, b"", final=False) * 1_000)
            await writer.drain()
        (connection,) = site.connections
        assert isinstance(connection, WebSocketConnection)
        writer.write(frame(9, b"?"))
        assert await reader.readexactly(3) == b"\x8a\x01?"
        assert (bytes(connection._message), len(connection._events)) == (b"a", 0)
        writer.write(frame(0, b"b"))
        assert await reader.readexactly(4) == b"\x81\x02ab"
        writer.close()


async def test_unread_pongs_pause_reading_and_close_socket() -> None:
    async with serving(echo, send_seconds=0.3) as site:
        reader, writer = await site.open(receive_buffer=4096)
        writer.write(handshake("/"))
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads by itself
        (connection,) = site.connections
        assert isinstance(connection, WebSocketConnection)
        most = 0
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(20):
                for _ in range(100_000):
                    writer.write(frame(9, b"p" * 125) * 100)
                    await writer.drain()
                    most = max(most, len(connection._pending), connection._transport.get_write_buffer_size())
        assert most < 200_000
        await site.until_empty()
        writer.transport.abort()


async def test_unread_messages_stay_in_socket_buffer() -> None:
    leave = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await leave.wait()

    async with serving(app) as site:
        reader, writer = await site.open()
        writer.write(handshake("/") + frame(1, b"") * 20_000)
        await reader.readuntil(b"\r\n\r\n")
        (connection,) = site.connections
        assert isinstance(connection, WebSocketConnection)
        await until(lambda: not connection._transport.is_reading() and connection._events)
        assert len(connection._events) < 500
        assert len(connection._pending) <= pools.READ_SIZE
        leave.set()
        writer.close()


async def test_clients_without_pong_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.1)
    monkeypatch.setattr(websocket, "PONG_SECONDS", 0.2)
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(handshake("/"))
        await reader.readuntil(b"\r\n\r\n")
        received = b""
        async with asyncio.timeout(20):
            while part := await reader.read(65_536):
                received += part
        assert received[0] == 0x89
        assert received[6:10][:1] + received[8:10] == b"\x88" + (1011).to_bytes(2)
        writer.close()
        async with dial(site) as answering:
            for _ in range(4):
                await asyncio.sleep(0.1)
                await answering.send("still here")
                assert await answering.recv() == "still here"
        await site.until_empty()


async def test_clients_without_close_frame_are_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.2)
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(handshake("/") + frame(1, b"close"))
        await reader.readuntil(b"as you wish")
        await site.until_empty()
        writer.close()


async def test_unauthenticated_sockets_are_limited_and_oldest_is_evicted() -> None:
    async with serving(echo, unauthenticated=3) as site:
        async with dial(site) as known:
            await known.send("auth")
            await known.recv()
            opened = [await site.open() for _ in range(5)]
            for reader, writer in opened:
                writer.write(handshake("/"))
                await reader.readuntil(b"\r\n\r\n")
            for reader, _ in opened[:2]:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
            for reader, writer in opened[2:]:
                writer.write(frame(1, b"x"))
                assert await reader.readexactly(3) == b"\x81\x01x"
            await known.send("still here")
            assert await known.recv() == "still here"
            for _, writer in opened:
                writer.close()
        await site.until_empty()


async def test_total_number_of_sockets_is_limited() -> None:
    async with serving(echo, sockets=1, unauthenticated=1) as site, dial(site) as known:
        await known.send("auth")
        await known.recv()
        async with dial(site) as other:
            await other.send("auth")
            await other.recv()
            assert (await site.exchange(handshake("/"))).startswith(b"HTTP/1.1 503 ")


def test_eviction_starts_with_client_with_most_unauthenticated_sockets() -> None:
    class FakeSocket:
        def __init__(self, host: str) -> None:
            self.client: tuple[str, int] | None = (host, 1)
            self.evicted = False

        def evict(self) -> None:
            self.evicted = True

        def authenticate(self) -> None: ...

        def shutdown(self) -> None: ...

    connections = pools.OpenConnections(msgspec.structs.replace(LIMITS, unauthenticated=4))
    honest, *attacking = [FakeSocket("192.0.2.1"), *(FakeSocket("192.0.2.2") for _ in range(10))]
    for one in (honest, *attacking):
        connections.open_socket(one)
    assert [one.evicted for one in attacking] == [True] * 7 + [False] * 3
    assert not honest.evicted
