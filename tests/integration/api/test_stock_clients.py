"""Common clients from npm: they reconnect after disconnections and outages, and miss nothing."""

import asyncio
import json

import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.events import cursors
from inventory.events.cursors import Cursor
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from tests.foreign.npm import run_node
from tests.integration.api.diamonds import Serve
from tests.integration.api.websocket import append_event, stone

TOTAL = 150


@pytest.mark.timeout(240)
@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_stock_client_reconnects_during_redis_outage(database_url: str, serve: Serve, transport: str) -> None:
    with scratch_directory() as directory:
        valkey = Valkey(directory)
        await valkey.start()
        settings = Settings.read(database_url=database_url, redis_url=valkey.url(), environment="production")
        async with Database.open(settings.database) as database, serve(settings) as address:
            key = (await ApiKeyService(database).create("shop", "acme", [Scope.DIAMONDS_READ])).key.text
            environment = {
                "URL": f"{address}/graphql", "KEY": key, "AFTER": cursors.encode(Cursor(0, 0)), "TOTAL": str(TOTAL),
                "TRANSPORT": transport,
            }  # fmt: skip
            following = asyncio.create_task(run_node("graphql-ws", "subscribe.js", environment))
            for number in range(TOTAL):
                await append_event(database, number)
                await asyncio.sleep(0.02)
                if number == TOTAL // 2:
                    await valkey.stop()
            printed = await following
    seen = [json.loads(line) for line in printed.splitlines()]
    assert seen == [global_id("Diamond", stone(number)) for number in range(TOTAL)]
