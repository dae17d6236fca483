"""HTTP connections: pipelining, bodies, closing, timeouts and limits, over real sockets."""

import asyncio
import weakref
from contextlib import suppress

import pytest
from starlette.types import Receive, Scope, Send

from app.http import connections as pools
from app.http import protocol
from tests.unit.http.server import CLOSE, disabled_garbage_collection, echo, read_body, respond, serving, until

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


def bodies(answer: bytes) -> list[bytes]:
    return [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_pipelined_requests_are_answered_in_order(size: int) -> None:
    text = b"".join(GET % number for number in range(20)) + POST + b"Content-Length: 5\r\n\r\nhello" + LAST
    segments = [text[start : start + size] for start in range(0, len(text), size)]
    async with serving(echo) as site:
        answer = await site.exchange(*segments)
    expected = [b"GET /%d 1.1 " % number for number in range(20)]
    assert bodies(answer) == [*expected, b"POST / 1.1 hello", b"GET /last 1.1 "]


async def test_pipelined_requests_run_sequentially() -> None:
    present = most = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal present, most
        present += 1
        most = max(most, present)
        await asyncio.sleep(0)
        present -= 1
        await respond(send, b"")

    async with serving(app) as site:
        assert (await site.exchange(GET % 1 * 50 + LAST)).count(b"200 OK") == 51
    assert most == 1


async def test_reading_pauses_while_pipelined_request_waits() -> None:
    leave, asked = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await leave.wait()
        await respond(send, b"")

    async with serving(app) as site:
        _, writer = await site.open()
        writer.write(GET % 1 * 20_000)
        await asked.wait()
        connection = site.only
        assert connection is not None
        await until(lambda: not connection.transport.is_reading())
        assert len(connection._pending) <= pools.READ_SIZE
        leave.set()
        writer.close()


async def test_unread_responses_pause_requests() -> None:
    async with serving(echo) as site:
        _, writer = await site.open(receive_buffer=4096)
        writer.write(b"GET /?size=200000 HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000)
        await until(lambda: site.only and site.only.write_paused)
        served = site.state.total_requests
        for _ in range(20):
            await asyncio.sleep(0)
        assert site.state.total_requests == served
        assert site.only is not None
        assert site.only.transport.get_write_buffer_size() < 600_000
        writer.transport.abort()


async def test_clients_that_do_not_read_response_are_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "SEND_SECONDS", 0.2)
    async with serving(echo) as site:
        _, writer = await site.open(receive_buffer=4096)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream has no other transports
        writer.write(b"GET /?size=20000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: site.state.total_requests)
        await site.until_empty()
        writer.transport.abort()


async def test_client_that_closes_sending_side_gets_responses() -> None:
    async with serving(echo) as site:
        answer = await site.exchange(GET % 1 + GET % 2, ends=True)
        assert bodies(answer)[0] == b"GET /1 1.1 "
        await site.until_empty()


async def test_incomplete_requests_end_when_client_closes() -> None:
    async with serving(echo) as site:
        for part in (b"", b"GET /", POST + b"Content-Length: 5\r\n\r\nhel"):
            assert await site.exchange(part, ends=True) == b""
        await site.until_empty()


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_responses_without_content_have_none(status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [] if status != 200 else [(b"content-length", b"7")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"content"})

    method = b"HEAD" if status == 200 else b"GET"
    async with serving(app) as site:
        answer = await site.exchange(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n" + method + LAST[3:])
    assert answer.count(b"HTTP/1.1 %d " % status) == 2
    assert b"content\r\n" not in answer.replace(b"content-length", b"")
    assert b"chunked" not in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
async def test_content_of_any_size_follows_head(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, content)

    async with serving(app) as site:
        answer = await site.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)
    for _ in range(2):
        head, _, answer = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer[:size] == content
        answer = answer[size:]
    assert answer == b""


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"a", b"", b"bc"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"d"})


async def test_responses_of_unknown_length_are_chunked_for_http_1_1() -> None:
    async with serving(stream) as site:
        answer = await site.exchange(LAST)
        assert answer.endswith(
            b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n"
        )
        old = await site.exchange(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert old.endswith(b"connection: close\r\n\r\nabcd")


async def test_head_of_stream_is_sent_before_first_content() -> None:
    more = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await more.wait()
        await send({"type": "http.response.body", "body": b"a"})

    async with serving(app) as site:
        reader, writer = await site.open()
        writer.write(LAST)
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
            more.set()
            assert await reader.read() == b"1\r\na\r\n0\r\n\r\n"
        writer.close()


async def test_continue_is_sent_only_when_application_reads() -> None:
    head = POST + b"Content-Length: 5\r\nExpect: 100-Continue\r\n" + CLOSE + b"\r\n"
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert (await reader.read()).endswith(b"POST / 1.1 hello")
        writer.close()
        unread = await site.exchange(head.replace(b"/ ", b"/?size=1 "), ends=True)
        assert b"100 Continue" not in unread
        assert unread.endswith(b"\r\n\r\nx")


async def test_rest_of_answered_request_is_discarded() -> None:
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(b"POST /?size=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
        await reader.readuntil(b"\r\n\r\nx")
        writer.write(b"y" * 500_000 + LAST)
        assert (await reader.read()).endswith(b"GET /last 1.1 ")
        writer.close()


async def test_rest_of_answered_request_is_limited_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_MAX_DISCARDED_BYTES", 100_000)
    monkeypatch.setattr(protocol, "_LINGER_SECONDS", 0.1)
    async with serving(echo) as site:
        reader, writer = await site.open()
        writer.write(b"POST /?size=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await reader.readuntil(b"\r\n\r\nx")
        sent = 0
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                while sent < 50_000_000:
                    writer.write(b"1000\r\n" + b"y" * 0x1000 + b"\r\n")
                    await writer.drain()
                    sent += 0x1000
        assert sent < 50_000_000
        await site.until_empty()


async def test_slow_bodies_are_rejected_with_408(monkeypatch: pytest.MonkeyPatch) -> None:
    disconnected = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await read_body(receive)
        except ConnectionError:
            disconnected.set()

    async with serving(app, body_seconds=0.2) as site:
        answer = await site.exchange(POST + b"Content-Length: 5\r\n\r\nhel")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Send the body within 0.2 s." in answer
        await disconnected.wait()


async def test_idle_connections_are_closed_without_response() -> None:
    async with serving(echo, idle_seconds=0.2) as site:
        answer = await site.exchange(GET % 1)
        assert bodies(answer) == [b"GET /1 1.1 "]


async def test_malformed_chunks_are_rejected_with_400_while_application_reads() -> None:
    async with serving(echo) as site:
        answer = await site.exchange(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"x\r\n" + LAST)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_large_bodies_are_read_in_bounded_pieces() -> None:
    sizes = []
    leave = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await leave.wait()
        more = True
        while more:
            message = await receive()
            sizes.append(len(message["body"]))
            more = message["more_body"]
        await respond(send, b"")

    async with serving(app) as site:
        reader, writer = await site.open()
        writer.write(POST + CLOSE + b"Content-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        await until(lambda: site.only and not site.only.transport.is_reading())
        leave.set()
        await reader.read()
        writer.close()
    assert sum(sizes) == 3_000_000
    assert max(sizes) < 2 * 65_536


@pytest.mark.parametrize("started", [False, True])
async def test_application_errors_return_500_or_abort(started: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ValueError("secret")

    async with serving(app) as site:
        answer = await site.exchange(GET % 1)
    if started:
        assert b"0\r\n\r\n" not in answer
    else:
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b'"code":"INTERNAL_ERROR"' in answer
        assert b"secret" not in answer


@pytest.mark.parametrize("value", [b"a\r\nX-Injected: b", b"a\nb", b"a\rb", b"a\x00b"])
async def test_response_headers_cannot_be_injected(value: bytes) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"", 200, (b"x-value", value))

    async with serving(app) as site:
        answer = await site.exchange(GET % 1)
    assert answer.startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("content", [b"abc", b"abcdefg"])
async def test_content_of_wrong_length_aborts_connection(content: bytes) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": content})

    async with serving(app) as site:
        answer = await site.exchange(GET % 1 + LAST)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert content not in answer


async def test_stopping_server_sends_connection_close() -> None:
    async with serving(echo) as site:
        site.connections.draining = True
        answer = await site.exchange(GET % 1)
        assert b"\r\nconnection: close\r\n" in answer


async def test_oldest_incomplete_body_is_rejected_when_memory_limit_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_CONTENT_BYTES", 100_000)
    async with serving(echo) as site:
        streams = []
        for _ in range(3):
            reader, writer = await site.open()
            writer.write(POST + CLOSE + b"Content-Length: 40001\r\n\r\n" + b"x" * 40_000)
            streams.append((reader, writer))
            await until(lambda: site.connections._content_bytes >= min(80_000, 40_000 * len(streams)))
        async with asyncio.timeout(20):
            assert await streams[0][0].read() == b""
            for reader, writer in streams[1:]:
                writer.write(b"y")
                assert (await reader.read()).endswith(b"xy")
        for _, writer in streams:
            writer.close()
        await site.until_empty()
        assert site.connections._content_bytes == 0


async def test_heads_waiting_for_bodies_count_as_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_CONTENT_BYTES", 10_000)
    async with serving(echo) as site:
        streams = [await site.open() for _ in range(6)]
        for _, writer in streams:
            writer.write(POST + b"X-Large: " + b"x" * 3_000 + b"\r\nContent-Length: 1\r\n\r\n")
        async with asyncio.timeout(20):
            for reader, _ in streams[:3]:
                assert await reader.read() == b""
        assert site.connections._content_bytes <= 10_000
        for _, writer in streams:
            writer.close()


@pytest.mark.parametrize("resets", [False, True])
async def test_closed_connections_are_freed_immediately(resets: bool) -> None:
    async with serving(echo) as site, disabled_garbage_collection():
        reader, writer = await site.open()
        writer.write(GET % 1)
        await reader.readuntil(b"/1 1.1 ")
        (connection,) = site.connections
        seen = weakref.ref(connection)
        del connection
        if resets:
            writer.write(b"GET /")
            writer.transport.abort()
        else:
            writer.close()
        await site.until_empty()
        del reader, writer
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen() is None
