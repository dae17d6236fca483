"""Mutations whose caller timed out: the response, and the continued trade."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from tests.integration.api.conftest import serve_api
from tests.integration.trading.test_graphql import BUY, CREATE, order
from tests.integration.trading.trading_site import TradingSite

CUT_OFF = "The request timed out. The operation may still complete. Send it again, with the same idempotency key if it has one."


@pytest_asyncio.fixture
async def impatient_client(site: TradingSite) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API with a timeout of zero."""
    scopes = [Scope.DIAMONDS_READ, Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE]
    key = (await ApiKeyService(site.database).create("test", "acme", scopes)).key.text
    settings = site.settings.with_values(graphql_timeout_seconds=0.5)
    async with (
        serve_api(settings) as address,
        httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}, timeout=60) as client,
    ):
        yield client


async def test_timed_out_trade_continues_and_repetition_returns_result(
    site: TradingSite, impatient_client: httpx.AsyncClient
) -> None:
    trades = (
        ("create_order", BUY, {"input": order(site)}, "purchase", "ORDERED"),
        ("create_hold", CREATE, {"id": str(site.ids[1])}, "hold", "ACTIVE"),
    )
    for operation, document, variables, thing, state in trades:
        await site.break_supplier({"kind": "stall", "seconds": 1.5, "operations": [operation], "count": 1})
        asked = {"query": document, "variables": variables}
        answer = await impatient_client.post("/graphql", json=asked)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"], error["message"]) == (
            503,
            "SERVICE_UNAVAILABLE",
            CUT_OFF,
        )
        assert "retry-after" in answer.headers
        async with asyncio.timeout(20):
            while "errors" in (body := (await impatient_client.post("/graphql", json=asked)).json()):
                assert body["errors"][0]["message"] == CUT_OFF
        (payload,) = body["data"].values()
        assert (payload[thing]["state"], payload["userErrors"]) == (state, [])
        assert await site.received(operation) == 1
