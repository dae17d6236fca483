"""An API process that is attacked from outside."""

import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import httpx
import pytest
import pytest_asyncio

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from sandbox.stack.ports import LOOPBACK, free_ports
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import Process
from sandbox.stack.valkey import Valkey
from tests.integration.http.attacks import Target

# Behind a trusted proxy, with limits that a test can reach.
_SETTINGS = {
    "ENVIRONMENT": "production",
    "LOG_LEVEL": "WARNING",
    "MAX_CONNECTIONS": "40",
    "REQUEST_SECONDS": "3",
    "SOCKETS_SEND_SECONDS": "1",
    "KEEP_ALIVE_SECONDS": "600",
    "TRUSTED_PROXIES": "127.0.0.0/8",
    "RATE_LIMIT_FAILURES_PER_MINUTE": "3",
    "SHUTDOWN_DELAY_SECONDS": "2",
}


async def _answers(address: str) -> bool:
    async with httpx.AsyncClient(base_url=address) as client:
        with suppress(httpx.HTTPError):
            return (await client.get("/ready")).status_code == 200
    return False


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def target(
    postgres: Postgres, database_template: str, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Target]:
    """One process, shared by all tests of a module."""
    url = await postgres.create_database("attacked", template=database_template)
    async with Database.open(Settings.read(database_url=url, redis_url=valkey.url()).database) as database:
        key = (await ApiKeyService(database).create("attacks", "test-client", [Scope.DIAMONDS_READ])).key.text
    (port,) = free_ports(1)
    process = Process(
        "attacked",
        (sys.executable, "-m", "app", "serve", "--host", LOOPBACK, "--port", str(port)),
        log=tmp_path_factory.mktemp("attacked") / "log",
        environment=_SETTINGS | {"DATABASE_URL": url, "REDIS_URL": valkey.url()},
    )
    process.start()
    try:
        await process.ready(partial(_answers, f"http://{LOOPBACK}:{port}"), timeout_seconds=120)
        yield Target(port, process, key)
    finally:
        await process.kill()
        await postgres.drop_database("attacked")
