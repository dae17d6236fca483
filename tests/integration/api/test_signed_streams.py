"""Event streams of signing clients: started once per nonce, and ended when the client has no valid key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.auth.api_key_service import ApiKeyService
from inventory.core.database import Database
from tests.integration.api.diamonds import Insert, build
from tests.integration.api.test_signatures import BOTH, key_service, settings, signed
from tests.integration.api.test_streams import read_events
from tests.integration.api.websocket import BEGINNING, CHANGED, append_event

__all__ = ["key_service", "settings"]  # fixtures


@pytest_asyncio.fixture
async def client(address: str, key_service: ApiKeyService) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose timeout exceeds the key cache."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        yield client


def subscribe(client: httpx.AsyncClient, **how: Any) -> httpx.Request:
    body = {"query": CHANGED, "variables": {"after": BEGINNING}}
    return signed(client.build_request("POST", "/graphql", json=body, headers={"Accept": "text/event-stream"}), **how)


@pytest.mark.parametrize("how", BOTH)
async def test_signed_stream_ends_when_client_has_no_valid_key(
    client: httpx.AsyncClient, key_service: ApiKeyService, database: Database, insert: Insert, how: dict[str, Any]
) -> None:
    await insert([build(1)])
    await append_event(database, 1)
    response = await client.send(subscribe(client, **how), stream=True)
    async with asyncio.timeout(30):
        events = read_events(response)
        first = await anext(events)
        await append_event(database, 1)
        second = await anext(events)
        assert (first[0], second[0]) == ("next", "next")
        assert second[1]["data"]["diamondChanged"]["diamonds"] == [{"supplierStoneId": "stone-1"}]
        for key in await key_service.list():
            await key_service.revoke(key.id)
        rest = [event async for event in events]
    assert [kind for kind, _ in rest] == ["next", "complete"]
    assert rest[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
    await response.aclose()


async def test_stream_with_repeated_nonce_is_rejected(client: httpx.AsyncClient) -> None:
    request = subscribe(client)
    response = await client.send(request, stream=True)
    assert response.status_code == 200
    assert (await client.send(request)).status_code == 401
    await response.aclose()
