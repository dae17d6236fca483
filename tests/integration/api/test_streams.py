"""Server-sent events: the same operations without a WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.events import cursors
from inventory.events.cursors import Cursor
from tests.integration.api.diamonds import Insert, Serve, build
from tests.integration.api.websocket import BEGINNING, CHANGED, append_event

Events = AsyncIterator[tuple[str, Any]]


@asynccontextmanager
async def stream(address: str, key: str, document: str, **variables: Any) -> AsyncIterator[Events]:
    """The events of a stream, with their types."""
    headers = {"X-API-Key": key, "Accept": "text/event-stream"}
    body = {"query": document, "variables": variables}
    async with (
        httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client,
        client.stream("POST", "/graphql", json=body) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield read_events(response)


async def read_events(response: httpx.Response) -> Events:
    """The events of a response, with their types."""
    kind = ""
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.strip()
        elif name == "data":
            yield kind, msgspec.json.decode(value) if value.strip() else None


async def test_subscription_is_continuous_stream(address: str, key: str, database: Database, insert: Insert) -> None:
    await insert([build(1)])
    await append_event(database, 1)
    async with stream(address, key, CHANGED, after=BEGINNING) as events:
        first = await anext(events)
        await append_event(database, 1)
        second = await anext(events)
    assert first[0] == second[0] == "next"
    cursor = first[1]["data"]["diamondChanged"]["cursor"]
    assert second[1]["data"]["diamondChanged"]["diamonds"] == [{"supplierStoneId": "stone-1"}]
    async with stream(address, key, CHANGED, after=cursor) as events:
        assert await anext(events) == second


async def test_query_is_stream_with_one_result(address: str, key: str) -> None:
    async with stream(address, key, "{ diamonds { totalCount } }") as events:
        answers = [event async for event in events]
    assert [kind for kind, _ in answers] == ["next", "complete"]
    assert answers[0][1]["data"] == {"diamonds": {"totalCount": 0}}


@pytest.mark.parametrize(
    ("document", "variables", "code"),
    [
        (CHANGED, {"after": "x"}, "VALIDATION_ERROR"),
        (CHANGED, {"after": cursors.encode(Cursor(7, 7))}, "CURSOR_UNKNOWN"),
        ('subscription { syncRunProgress(runId: "x") { status } }', {}, "FORBIDDEN"),
    ],
)
async def test_invalid_subscription_ends_stream_with_error(
    address: str, key: str, document: str, variables: dict[str, Any], code: str
) -> None:
    async with stream(address, key, document, **variables) as events:
        answers = [event async for event in events]
    assert [kind for kind, _ in answers] == ["next", "complete"]
    assert [error["extensions"]["code"] for error in answers[0][1]["errors"]] == [code]


@pytest.mark.parametrize(
    ("document", "code"),
    [("{", "BAD_REQUEST"), ("{ unheardOf }", "VALIDATION_ERROR"), ("subscription { unheardOf }", "VALIDATION_ERROR")],
)
async def test_invalid_document_ends_stream_with_error(address: str, key: str, document: str, code: str) -> None:
    async with stream(address, key, document) as events:
        answers = [event async for event in events]
    assert [kind for kind, _ in answers] == ["next", "complete"]
    assert [error["extensions"]["code"] for error in answers[0][1]["errors"]] == [code]


async def test_invalid_document_is_json_error_when_client_accepts_json(address: str, key: str) -> None:
    headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        response = await client.post("/graphql", json={"query": "subscription { unheardOf }"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json()["errors"]


async def test_stream_requires_key(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, headers={"Accept": "text/event-stream"}) as client:
        assert (await client.post("/graphql", json={"query": CHANGED})).status_code == 401


@pytest.mark.parametrize(
    ("accepted", "media_type"),
    [
        # Headers that common clients send with every request.
        ("application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
         "application/graphql-response+json"),
        ("text/event-stream", "text/event-stream"),
    ],
)  # fmt: skip
async def test_query_is_json_when_client_accepts_json(address: str, key: str, accepted: str, media_type: str) -> None:
    headers = {"X-API-Key": key, "Accept": accepted}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        response = await client.post("/graphql", json={"query": "{ __typename }"})
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_subscription_without_stream_media_type_is_rejected(api: httpx.AsyncClient) -> None:
    response = await api.post("/graphql", json={"query": CHANGED})
    assert response.status_code == 400
    assert "text/event-stream" in response.json()["errors"][0]["message"]


async def test_number_of_streams_per_key_is_limited(settings: Settings, serve: Serve, key: str) -> None:
    headers = {"X-API-Key": key, "Accept": "text/event-stream"}
    async with (
        serve(settings.with_values(sockets_per_key=1)) as address,
        stream(address, key, CHANGED),
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        refused = await client.post("/graphql", json={"query": CHANGED})
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "TOO_MANY_SUBSCRIPTIONS")


async def test_revoked_key_ends_stream(address: str, database: Database) -> None:
    issued = await ApiKeyService(database).create("leaver", "acme", [Scope.DIAMONDS_READ])
    async with stream(address, issued.key.text, CHANGED) as events, asyncio.timeout(10):
        await ApiKeyService(database).revoke(issued.key.id)
        answers = [event async for event in events]
    assert [kind for kind, _ in answers] == ["next", "complete"]
    assert answers[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"


async def test_stopping_server_ends_streams_without_completion(
    settings: Settings, serve: Serve, key: str, database: Database
) -> None:
    await append_event(database, 1)
    async with AsyncExitStack() as server:
        address = await server.enter_async_context(serve(settings))
        async with stream(address, key, CHANGED, after=BEGINNING) as events, asyncio.timeout(10):
            await anext(events)
            stopping = asyncio.create_task(server.aclose())
            assert [event async for event in events] == []
            await stopping
