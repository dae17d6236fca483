"""The clients that others use, from npm: they are cut off and come back, servers go away, and nothing is missing."""

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
from tests.integration.api.wire import happen, stone

TOTAL = 150


@pytest.mark.timeout(240)
@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_the_stock_client_is_cut_off_and_goes_on_while_redis_dies(
    database_url: str, serve: Serve, transport: str
) -> None:
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
                await happen(database, number)
                await asyncio.sleep(0.02)
                if number == TOTAL // 2:
                    await valkey.stop()
            printed = await following
    seen = [json.loads(line) for line in printed.splitlines()]
    assert seen == [global_id("Diamond", stone(number)) for number in range(TOTAL)]
