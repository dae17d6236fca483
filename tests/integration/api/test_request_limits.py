"""Connection limits, slow clients, response headers, CORS, and information that responses must not disclose."""

import asyncio
from time import time
from urllib.parse import urlsplit

import httpx
import pytest

from app.http import protocol
from app.http.request_head import LARGEST_HEAD
from inventory.catalog.repository import PostgresSearch
from inventory.core.settings import Settings
from tests.integration.api.diamonds import MakeKey, Serve


async def exchange(address: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send bytes and read until the server closes."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    answer = asyncio.create_task(_read(reader))
    for part in parts:
        if answer.done():
            break
        writer.write(part)
        await asyncio.sleep(pause)
    async with asyncio.timeout(20):
        received = await answer
    writer.close()
    return received


async def _read(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    try:
        while part := await reader.read(65_536):
            received += part
    except ConnectionResetError:  # the server closed during the write
        pass
    return bytes(received)


async def test_headers_beyond_limit_are_rejected(address: str) -> None:
    start = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    many = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 90) for number in range(LARGEST_HEAD // 90))
    for request in (
        start + many + b"\r\n",
        start + b"X-Long: " + b"v" * (LARGEST_HEAD + 1),
        b"GET /" + b"p" * 40_000,
    ):
        assert (await exchange(address, request)).startswith(b"HTTP/1.1 431 ")
    fitting = start + b"X-Long: " + b"v" * (LARGEST_HEAD - 1000) + b"\r\nConnection: close\r\n\r\n"
    assert (await exchange(address, fitting)).startswith(b"HTTP/1.1 200 ")


async def test_malformed_requests_are_rejected_in_error_format(address: str) -> None:
    answer = await exchange(address, b"\x16\x03\x01 nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    message = "Bad Request. The request line is malformed. Send a method, a path that begins with / and has no fragment (#), and HTTP/1.1."
    assert answer.endswith(f'{{"error":{{"code":"BAD_REQUEST","message":"{message}"}}}}'.encode())


async def test_slow_headers_close_connection(settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    async with serve(settings) as address:
        for parts in ([], [b"GET /health HTTP/1.1\r\n"], [b"GET /health HTTP/1.1\r\n", *[b"X: y\r\n"] * 9]):
            assert (await exchange(address, *parts, pause=0.1)).startswith(b"HTTP/1.1 408 ")
        # The timeout of the second request of a connection is not longer.
        whole = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await exchange(address, whole, b"GET /health HTTP/1.1\r\n", pause=0.1)
        assert (answer.count(b"HTTP/1.1 200 "), answer.count(b"HTTP/1.1 408 ")) == (1, 1)


async def test_slow_body_is_rejected(settings: Settings, serve: Serve, make_key: MakeKey) -> None:
    key = await make_key("sync:admin", "diamonds:read")
    async with serve(settings.with_values(request_seconds=0.3)) as address:
        for path in ("/api/v2/triggers/scheduler", "/graphql"):
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 1000\r\n"
            answer = await exchange(
                address, f"{head}Content-Type: application/json\r\n\r\n".encode(), *[b" "] * 20, pause=0.05
            )
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"BAD_REQUEST" in answer


AMBIGUOUS = {
    "no host": b"GET {path} HTTP/1.1\r\n{key}",
    "two hosts": b"GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n{key}",
    "another host in the target": b"GET http://b{path} HTTP/1.1\r\nHost: a\r\n{key}",
    "a length and chunks": b"POST {path} HTTP/1.1\r\nHost: a\r\n{key}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": b"POST {path} HTTP/1.1\r\nHost: a\r\n{key}Content-Length: 4\r\nContent-Length: 5\r\n",
    "a length with a sign": b"POST {path} HTTP/1.1\r\nHost: a\r\n{key}Content-Length: +4\r\n",
    "an unknown coding": b"POST {path} HTTP/1.1\r\nHost: a\r\n{key}Transfer-Encoding: xchunked\r\n",
    "a space before the colon": b"GET {path} HTTP/1.1\r\nHost: a\r\nX-A : b\r\n{key}",
    "a folded line": b"GET {path} HTTP/1.1\r\nHost: a\r\nX-A: b\r\n {key}",
    "lines that end without a return": b"GET {path} HTTP/1.1\nHost: a\n{key}",
    "a zero byte": b"GET {path} HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n{key}",
    "a byte in the path that is not ASCII": b"GET {path}/\xff HTTP/1.1\r\nHost: a\r\n{key}",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_ambiguous_framing_is_rejected(address: str, make_key: MakeKey, name: str) -> None:
    key = f"X-API-Key: {await make_key('diamonds:read')}\r\n".encode()
    request = AMBIGUOUS[name].replace(b"{path}", b"/api/v2/diamonds").replace(b"{key}", key)
    hidden = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = await exchange(address, request + b"\r\n0\r\n\r\n" + hidden)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'{"error":{"code":"BAD_REQUEST"' in answer


async def test_http_1_0_requests_need_no_host(address: str) -> None:
    assert (await exchange(address, b"GET /health HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_duplicate_key_headers_are_rejected(address: str, make_key: MakeKey) -> None:
    keys = [await make_key("diamonds:read") for _ in range(2)]
    async with httpx.AsyncClient(base_url=address) as client:
        for name, values in (("X-API-Key", keys), ("Authorization", [f"Bearer {key}" for key in keys])):
            twice = await client.get("/api/v2/diamonds", headers=[(name, value) for value in values])
            assert (twice.status_code, twice.json()["error"]["code"]) == (401, "UNAUTHORIZED")
            assert (await client.get("/api/v2/diamonds", headers=[(name, values[0])])).status_code == 200
        # The decisive header is present once.
        headers = [("X-API-Key", keys[0]), ("Authorization", "Bearer x"), ("Authorization", "Bearer y")]
        assert (await client.get("/api/v2/diamonds", headers=headers)).status_code == 200


async def test_requests_are_never_redirected(api: httpx.AsyncClient) -> None:
    for path in ("/api/v2/diamonds/", "/health/", "//health", "/graphql/"):
        answer = await api.get(f"{str(api.base_url).rstrip('/')}{path}", headers={"Host": "evil.example.com"})
        assert (answer.status_code, "location" in answer.headers) == (404, False)


async def test_responses_have_no_store_by_default(api: httpx.AsyncClient) -> None:
    answers = [
        await api.post("/graphql", json={"query": "{ diamonds { totalCount } }"}),
        await api.get("/graphql", params={"documentId": "x"}),
        await api.get("/nope"),
        await api.put("/health"),
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


async def test_longest_idle_connection_is_closed_at_limit(settings: Settings, serve: Serve) -> None:
    health = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serve(settings.with_values(max_connections=2)) as address:
        url = urlsplit(address)
        connections = []
        for _ in range(5):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(health)
            assert (await reader.readuntil(b'Z"}')).startswith(b"HTTP/1.1 200 ")
            connections.append((reader, writer))
        async with asyncio.timeout(20):
            assert [await reader.read() for reader, _ in connections[:3]] == [b""] * 3
        for reader, writer in connections[3:]:
            writer.write(health)
            assert (await reader.readuntil(b'Z"}')).startswith(b"HTTP/1.1 200 ")
        for _, writer in connections:
            writer.close()


async def test_longest_incomplete_request_is_closed_at_limit(
    settings: Settings, serve: Serve, make_key: MakeKey
) -> None:
    """The request needs no authentication for that: a signature is checked after the complete body."""
    signature = f"X-Client-Id: acme\r\nX-Timestamp: {int(time())}\r\nX-Signature: {'0' * 64}\r\n"
    slow = f"POST /graphql HTTP/1.1\r\nHost: x\r\n{signature}Content-Length: 20\r\nExpect: 100-continue\r\n\r\n"
    search = f"GET /api/v2/diamonds HTTP/1.1\r\nHost: x\r\nX-API-Key: {await make_key('diamonds:read')}\r\n\r\n"
    async with serve(settings.with_values(max_connections=2)) as address, asyncio.timeout(20):
        url = urlsplit(address)
        waiting = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(slow.encode())
            await reader.readuntil(b"100 Continue\r\n\r\n")
            waiting.append((reader, writer))
        answer = await exchange(address, search.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode())
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert await waiting[0][0].read() == b"", "the one that has waited longest"
        reader, writer = waiting[1]
        writer.write(b"x" * 20)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401 ")
        for _, writer in waiting:
            writer.close()


async def test_whitespace_around_header_values_is_ignored(address: str, make_key: MakeKey) -> None:
    key = await make_key("diamonds:read")
    head = f"GET /api/v2/diamonds HTTP/1.1\r\nHost: x\r\nX-API-Key: \t {key} \t \r\nConnection: close\r\n\r\n"
    assert (await exchange(address, head.encode())).startswith(b"HTTP/1.1 200 ")


async def test_connections_beyond_limit_get_503_when_all_are_busy(
    settings: Settings, serve: Serve, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await make_key("diamonds:read")
    asked, leave = asyncio.Semaphore(0), asyncio.Event()

    async def count(*_: object) -> int:
        asked.release()
        await leave.wait()
        return 0

    monkeypatch.setattr(PostgresSearch, "count", count)
    async with serve(settings.with_values(max_connections=2)) as address:
        url = urlsplit(address)
        slow = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"
        writers = []
        for _ in range(2):
            _reader, writer = await asyncio.open_connection(url.hostname, url.port)
            request = f"GET /api/v2/diamonds HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n"
            # Another incomplete request is queued behind it. That is no reason to close the connection.
            writer.write(request.encode() + slow)
            async with asyncio.timeout(20):
                await asked.acquire()
            writers.append(writer)
        search = f"GET /api/v2/diamonds HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n".encode()
        answer = await exchange(address, search)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 5\r\n" in answer
        assert b'{"error":{"code":"SERVICE_UNAVAILABLE","message":"Service Unavailable. Too many ' in answer
        alive = await exchange(address, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert alive.startswith(b"HTTP/1.1 200 ")
        leave.set()
        for writer in writers:
            writer.close()


async def test_every_response_has_security_headers(api: httpx.AsyncClient) -> None:
    for path in ("/health", "/api/v2/diamonds", "/nope", "/graphql"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["content-security-policy"].startswith("default-src 'none'")


async def test_responses_do_not_disclose_software(api: httpx.AsyncClient, address: str) -> None:
    answers = [await api.get(path) for path in ("/health", "/api/v2/diamonds?limit=x", "/nope", "/api/v2/diamonds/%00")]
    answers += [await api.post("/graphql", content=b"\xff"), await api.request("BREW", "/health")]
    texts = [f"{answer.headers}{answer.text}".lower() for answer in answers]
    texts.append((await exchange(address, b"\0\r\n\r\n")).decode().lower())
    for word in ("uvicorn", "starlette", "python", "traceback", "asyncpg", "postgres", "strawberry", "server:"):
        assert not any(word in text for text in texts), word


async def test_only_configured_origins_may_call(settings: Settings, serve: Serve, make_key: MakeKey) -> None:
    key = await make_key("diamonds:read")
    listed = settings.with_values(cors_origins="https://shop.example.com, http://localhost:8080")
    async with serve(listed) as address, httpx.AsyncClient(base_url=address) as client:

        async def preflight(origin: str) -> httpx.Response:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            return await client.options("/graphql", headers=asked | {"Access-Control-Request-Headers": "x-api-key"})

        allowed = await preflight("https://shop.example.com")
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example.com"
        assert "access-control-allow-origin" not in (await preflight("https://evil.example.com")).headers
        headers = {"Origin": "http://localhost:8080", "X-API-Key": key}
        answer = await client.get("/api/v2/diamonds", headers=headers)
        assert answer.headers["access-control-allow-origin"] == "http://localhost:8080"
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]
        # A cache must not give this answer to a page of another origin.
        plain = await client.get("/api/v2/diamonds", headers={"X-API-Key": key})
        assert "access-control-allow-origin" not in plain.headers
        assert {"Origin", "Accept-Encoding"} <= {name.strip() for name in plain.headers["vary"].split(",")}
        assert "RateLimit-Remaining" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_development_allows_origins_of_this_machine(settings: Settings, serve: Serve, environment: str) -> None:
    sent = (
        "apollographql-client-name, apollographql-client-version, apollo-require-preflight, sentry-trace, baggage, "
        "tracestate, x-request-id, x-api-key, content-type"
    )
    here = (
        "http://localhost:5173",
        "http://localhost",
        "http://127.0.0.1:3001",
        "http://[::1]:8080",
        "https://localhost",
    )
    elsewhere = (
        "http://localhost.evil.com",
        "http://evil.com:5173",
        "http://127.0.0.1.evil.com",
        "http://localhost:5173x",
        "null",
    )
    async with (
        serve(settings.with_values(environment=environment)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        for origin in (*here, *elsewhere):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": sent}
            answer = await client.options("/graphql", headers=asked)
            allowed = environment == "development" and origin in here
            assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None), origin
            assert (answer.status_code == 200) == allowed, answer.text


async def test_other_origins_are_rejected_by_default(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await client.get("/health", headers={"Origin": "https://shop.example.com"})
    assert "access-control-allow-origin" not in answer.headers
