"""Unauthenticated traffic against real processes: memory is bounded, and other clients are served."""

import asyncio
from contextlib import suppress

import pytest

from tests.integration.api.websocket import open_socket
from tests.integration.http.attacks import HEALTH, MEGABYTE, Target, frame, handshake, read_all

pytestmark = pytest.mark.timeout(180)

GROWTH = 20 * MEGABYTE
SERVED = {"/health": 200, "/ready": 200, "/api/v2/diamonds": 200}
CHUNKED = b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"


async def test_pipelining_without_reading_uses_bounded_memory(target: Target) -> None:
    before = target.memory
    taken = await asyncio.gather(*(target.flood(HEALTH, 12 * MEGABYTE) for _ in range(6)))
    assert target.memory - before < GROWTH
    assert max(taken) < 12 * MEGABYTE, "reading was never paused"
    assert await target.statuses() == SERVED


@pytest.mark.parametrize("path", [b"/health", b"/graphql"])
async def test_endless_trailers_close_connection(target: Target, path: bytes) -> None:
    before = target.memory
    start = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    for trailer in (b"X: " + b"a" * 60_000 + b"\r\n", b"X: a\r\n", b"a"):
        assert await target.flood(trailer, 40 * MEGABYTE, start=start) < 40 * MEGABYTE
    assert target.memory - before < GROWTH
    assert await target.statuses() == SERVED


async def test_unauthenticated_sockets_do_not_block_clients(target: Target) -> None:
    before, connections = target.memory, target.connections
    async with target.bare_sockets(2005):
        assert await target.statuses() == SERVED
        async with open_socket(target.address, target.key) as socket:
            await socket.ping()
        assert target.connections - connections < 260
        assert target.memory - before < 60 * MEGABYTE


async def test_pings_without_reading_pongs_close_socket(target: Target) -> None:
    before = target.memory
    start = handshake("/graphql", f"X-API-Key: {target.key}")
    init = frame(1, b'{"type":"connection_init"}')
    ping = frame(9, b"p" * 125)
    taken = await asyncio.gather(
        *(target.flood(ping, 100 * MEGABYTE, start=start + init, seconds=10) for _ in range(3))
    )
    assert max(taken) < 100 * MEGABYTE
    assert target.memory - before < GROWTH


async def test_reset_connections_leave_no_memory_or_socket(target: Target) -> None:
    large = HEALTH[:-2] + b"".join(b"X-%d: %s\r\n" % (number, b"v" * 990) for number in range(30))

    def attack(count: int) -> None:
        for _ in range(count):
            target.reset(large + b"\r\n", answered=True)
        for _ in range(count // 4):
            target.reset(large, answered=False)

    await asyncio.to_thread(attack, 200)
    before = target.memory
    await asyncio.to_thread(attack, 1200)
    assert target.memory - before < 4 * MEGABYTE
    assert await target.statuses() == SERVED


async def test_slow_rest_of_answered_request_times_out(target: Target) -> None:
    reader, writer = await target.open()
    writer.write(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 405 ")
    rest = asyncio.create_task(read_all(reader))

    async def drip() -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(20):
        await rest
    dripping.cancel()
    writer.close()


@pytest.mark.parametrize("segmented", ["whole", "in bytes", "before the trailer", "behind it"])
async def test_trailers_are_ignored(target: Target, segmented: str) -> None:
    body = b'{"query": "{ __typename }"}'
    chunks = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    other = b"X-API-Key: nonsense\r\n"
    own = b"X-API-Key: " + target.key.encode() + b"\r\n"
    forwarded = b"X-Forwarded-For: 203.0.113.%d\r\n"
    close = b"Connection: close\r\n"

    async def status(head: bytes, trailer: bytes) -> bytes:
        before, behind = CHUNKED + close + head + b"\r\n" + chunks, trailer + b"\r\n"
        parts = {
            "whole": [before + behind],
            "in bytes": [bytes([byte]) for byte in before + behind],
            "before the trailer": [before, behind],
            "behind it": [before + trailer, b"\r\n"],
        }[segmented]
        return (await target.exchange(*parts, pause=0.05 if len(parts) < 3 else 0))[:12]

    assert await status(own, other) == b"HTTP/1.1 200"
    assert await status(own, own) == b"HTTP/1.1 200"
    # Failures are counted for the address in the proxy's header: the fourth is rejected, for any trailer.
    proxy = f"X-Forwarded-For: 198.51.100.{len(segmented)}\r\n".encode()
    statuses = [await status(proxy, own)]
    assert statuses == [b"HTTP/1.1 401"]
    statuses = [await status(proxy + other, forwarded % number) for number in range(5)]
    assert b"HTTP/1.1 429" in statuses


async def test_key_uses_only_its_share_of_process(target: Target) -> None:
    subscription = b'{"query": "subscription { diamondChanged { cursor } }"}'
    stream = (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
        b"X-API-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (target.key.encode(), len(subscription), subscription)
    )
    opened = []
    statuses = []
    for _ in range(45):
        reader, writer = await target.open()
        opened.append(writer)
        writer.write(stream)
        statuses.append((await reader.readuntil(b"\r\n"))[:12])
    assert statuses.count(b"HTTP/1.1 200") == 10
    assert statuses.count(b"HTTP/1.1 429") == 35
    # The streams use none of the connections for requests.
    idle = [await target.open() for _ in range(40)]
    assert await target.statuses() == SERVED
    for writer in [*opened, *(writer for _, writer in idle)]:
        writer.close()
    async with asyncio.timeout(20):
        subscribed = False
        while not subscribed:  # until the process has noticed the end of the streams
            async with open_socket(target.address) as socket:
                await socket.send_message(type="connection_init", payload={"apiKey": target.key})
                with suppress(Exception):
                    subscribed = (await socket.receive_message())["type"] == "connection_ack"


REFUSED = {
    b"GET /health\r\n\r\n": b"400",
    b"GET /health HTTP\r\n\r\n": b"400",
    b"GET /health HTTP/0.9\r\n\r\n": b"505",
    b"GET /health HTTP/2.0\r\n\r\n": b"505",
    b"GET /health HTTP/1.2\r\nHost: x\r\n\r\n": b"505",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": b"505",
    b"GET /health HTTP/1.1\nHost: x\n\n": b"400",
    b"GET /health HTTP/1.1\r\nHost: x\n\r\n": b"400",
    b"GET /health HTTP/1.1\n": b"400",
    b"POST /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n": b"501",
    b"POST /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": b"501",
    b"GET /api%2Fv2%2Fdiamonds HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"404",
    b"GET /%68ealth HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"404",
    b"GET /health%0A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"404",
    b"GET /./health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"404",
}


@pytest.mark.parametrize("request_", REFUSED, ids=lambda request: request.decode("ascii")[:40])
async def test_malformed_requests_are_rejected(target: Target, request_: bytes) -> None:
    answer = await target.exchange(request_)
    assert answer[:13] == b"HTTP/1.1 " + REFUSED[request_] + b" "
