"""Operators with the API: requests with scopes, and the pipeline that executes them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.main import create_app
from inventory.core.database import Database
from inventory.core.settings import Settings
from sync.container import Container
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.fake_feed import FakeFeed

RUN = """databaseId status type feed startedBy figures { fetched upserted } error { code message }
  progress { total succeeded failed open planned maxOverMean }
  plan { total priced bands { ordinal kind priceFrom { cents } priceTo { cents } planned } }
  partitions { id ordinal kind status priceFrom { amount } priceTo { amount } planned errorMessage }"""

Ask = Callable[..., Awaitable[Mapping[str, Any]]]


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return settings.with_values(redis_url=redis_url, sync_nightly=False)


@pytest.fixture
def pipeline(
    settings: Settings,
    database: Database,
    feed: FakeFeed,
    broker: ServiceBusBroker,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
) -> Container:
    return Container(settings, database, feed, broker, watermarks, outbox, broker.dead_letters())


@asynccontextmanager
async def caller(settings: Settings, database: Database, *scopes: Scope) -> AsyncIterator[Ask]:
    """Send requests to the API, without a socket, as a client with these scopes."""
    key = (await ApiKeyService(database).create("test", "ops", scopes)).key.text
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:
        served = httpx.ASGITransport(with_state(app, state))
        async with httpx.AsyncClient(transport=served, base_url="http://api", headers={"X-API-Key": key}) as client:

            async def ask(document: str, **variables: Any) -> Mapping[str, Any]:
                response = await client.post("/graphql", json={"query": document, "variables": variables}, timeout=30)
                body: Mapping[str, Any] = response.json()
                return body

            yield ask


def with_state(app: Any, state: Any) -> Any:
    """The application with the lifespan state in each request, as a server provides it."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"state": dict(state)}, receive, send)

    return served


@pytest_asyncio.fixture
async def ask(settings: Settings, database: Database) -> AsyncIterator[Ask]:
    """Requests of an operator."""
    scopes = (Scope.SYNC_READ, Scope.SYNC_ADMIN, Scope.PRICING_WRITE, Scope.PRICES_SUPPLIER)
    async with caller(settings, database, *scopes) as asked:
        yield asked
