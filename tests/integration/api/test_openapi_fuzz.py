"""Schemathesis over the OpenAPI document, all of its checks: what is documented is what happens, whatever is sent."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.access.scopes import Scope
from app.core.settings import Settings
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.integration.api.diamonds import Insert, MakeKey
from tests.integration.api.runs import build_partition, build_run
from tests.integration.trading.market import stock

SCHEMATHESIS = Path(sys.executable).with_name("st")


async def fuzz(address: str, *arguments: str, place: Path) -> tuple[int | None, str]:
    """Run Schemathesis as people do; gives its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "run", f"{address}/openapi.json", "--checks", "all", "--max-examples", "12", "--no-color"),
        *("--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", *arguments),
        cwd=place, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(Options(stones=100, dirt_share=0)) as running:
        yield running


@pytest.fixture
def settings(database_url: str, redis_url: str, simulator: Simulator) -> Settings:
    """With a supplier, so that stones can be held and bought; and with room for very many requests."""
    return Settings.read(
        database_url=database_url,
        redis_url=redis_url,
        environment="production",
        nivoda_endpoint=simulator.endpoint,
        nivoda_username=DEFAULT_ACCOUNT.username,
        nivoda_password=DEFAULT_ACCOUNT.password,
        nivoda_requests_per_second=1000,
        nivoda_burst=1000,
        rate_limit_writes_per_minute=1_000_000,
        rate_limit_failures_per_minute=1_000_000,
    )


@pytest_asyncio.fixture
async def stocked(database_url: str, simulator: Simulator, insert: Insert) -> None:
    """The supplier's stones are in the inventory, and there is a history."""
    async with httpx.AsyncClient(timeout=30) as client:
        stones = (await client.get(f"{simulator.control}/control/stones?offset=0&limit=100")).json()
    await stock(database_url, [stone for stone in stones if stone["usable"]])
    await insert([build_run(number) for number in (1, 2)], table="run_metadata")
    await insert([build_partition(1, 1), build_partition(1, 2, status="failed")], table="worker_runs")


@pytest.mark.timeout(400)  # a thousand requests each, on whatever machine
@pytest.mark.parametrize("scopes", [(), Scope], ids=["nobody", "who may everything"])
@pytest.mark.usefixtures("stocked")
async def test_no_request_breaks_the_contract(
    address: str, make_key: MakeKey, tmp_path: Path, scopes: Iterable[Scope]
) -> None:
    headers = ("--header", f"X-API-Key: {await make_key(*scopes)}") if scopes else ()
    code, text = await fuzz(address, *headers, place=tmp_path)
    assert code == 0, text
    generated = re.search(r"(\d+) generated", text)
    assert generated
    assert int(generated[1]) > 500, text
