"""What surrounds every request: limits, slow clients, headers, other origins, and what an answer never tells."""

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from app import protocol
from app.core.settings import Settings
from app.protocol import LARGEST_HEADERS
from tests.integration.api.diamonds import MakeKey, Serve


async def exchange(address: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send bytes and read until the server hangs up."""
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
    except ConnectionResetError:  # it hung up while we were still sending
        pass
    return bytes(received)


async def test_headers_beyond_the_limit_are_refused(address: str) -> None:
    start = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    many = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 90) for number in range(LARGEST_HEADERS // 90))
    for request in (
        start + many + b"\r\n",
        start + b"X-Long: " + b"v" * (LARGEST_HEADERS + 1),
        b"GET /" + b"p" * 40_000,
    ):
        assert (await exchange(address, request)).startswith(b"HTTP/1.1 431 ")
    fitting = start + b"X-Long: " + b"v" * (LARGEST_HEADERS - 1000) + b"\r\nConnection: close\r\n\r\n"
    assert (await exchange(address, fitting)).startswith(b"HTTP/1.1 200 ")


async def test_what_is_no_request_is_refused_in_the_form_of_all_refusals(address: str) -> None:
    answer = await exchange(address, b"\x16\x03\x01 nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b'{"error":{"code":"BAD_REQUEST","message":"Bad Request."}}')


async def test_who_sends_headers_too_slowly_is_hung_up_on(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.3)
    async with serve(settings) as address:
        for parts in ([], [b"GET /health HTTP/1.1\r\n"], [b"GET /health HTTP/1.1\r\n", *[b"X: y\r\n"] * 9]):
            assert (await exchange(address, *parts, pause=0.1)).startswith(b"HTTP/1.1 408 ")
        # The second request of a connection is waited for no longer.
        whole = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await exchange(address, whole, b"GET /health HTTP/1.1\r\n", pause=0.1)
        assert (answer.count(b"HTTP/1.1 200 "), answer.count(b"HTTP/1.1 408 ")) == (1, 1)


async def test_who_sends_a_body_too_slowly_is_refused(settings: Settings, serve: Serve, make_key: MakeKey) -> None:
    key = await make_key("sync:admin", "diamonds:read")
    async with serve(settings.model_copy(update={"request_seconds": 0.3})) as address:
        for path in ("/api/v2/triggers/scheduler", "/graphql"):
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 1000\r\n"
            answer = await exchange(
                address, f"{head}Content-Type: application/json\r\n\r\n".encode(), *[b" "] * 20, pause=0.05
            )
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"BAD_REQUEST" in answer


async def test_every_answer_bears_the_security_headers(api: httpx.AsyncClient) -> None:
    for path in ("/health", "/api/v2/diamonds", "/nope", "/graphql"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["content-security-policy"].startswith("default-src 'none'")


async def test_no_answer_tells_what_the_service_is_made_of(api: httpx.AsyncClient, address: str) -> None:
    answers = [await api.get(path) for path in ("/health", "/api/v2/diamonds?limit=x", "/nope", "/api/v2/diamonds/%00")]
    answers += [await api.post("/graphql", content=b"\xff"), await api.request("BREW", "/health")]
    texts = [f"{answer.headers}{answer.text}".lower() for answer in answers]
    texts.append((await exchange(address, b"\0\r\n\r\n")).decode().lower())
    for word in ("uvicorn", "starlette", "python", "traceback", "asyncpg", "postgres", "strawberry", "server:"):
        assert not any(word in text for text in texts), word


async def test_pages_of_other_origins_may_not_call_unless_they_are_listed(
    settings: Settings, serve: Serve, make_key: MakeKey
) -> None:
    key = await make_key("diamonds:read")
    listed = settings.model_copy(update={"cors_origins": "https://shop.example.com, http://localhost:8080"})
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
        assert "RateLimit-Remaining" in answer.headers["access-control-expose-headers"]


async def test_by_default_no_other_origin_may_call(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await client.get("/health", headers={"Origin": "https://shop.example.com"})
    assert "access-control-allow-origin" not in answer.headers
