"""Concurrent requests over several processes: exactly one winner.

TRADING_CONCURRENCY=full runs the full figures: 200 clients for one stone, 200 for each of 50 stones, 100 repetitions of a
purchase.
"""

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from inventory.core.settings import Settings
from tests.integration.trading.concurrent_clients import BUY, HOLD, open_clients
from tests.integration.trading.trading_site import PRICE, TradingSite

FULL = os.environ.get("TRADING_CONCURRENCY") == "full"
CLIENTS = 200 if FULL else 60
CROSSING, STONES = (200, 50) if FULL else (12, 20)
REPETITIONS = 100 if FULL else 40

pytestmark = pytest.mark.timeout(900 if FULL else 240)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # A slow machine must not count as a silent supplier.
    return settings.with_values(
        trading_timeout_seconds=30.0,
        trading_patience_seconds=30.0,
        trading_wait_seconds=30.0,
        trading_holds_per_client=60,
        graphql_timeout_seconds=120.0,
        database_timeout_seconds=60.0,
        graphql_budget=1_000_000,
    )


async def test_concurrent_holds_of_stone_have_one_winner_and_one_supplier_call(
    site: TradingSite, settings: Settings, tmp_path: Path
) -> None:
    async with open_clients(settings, tmp_path, clients=CLIENTS) as concurrent:
        began = time.monotonic()
        answers = await asyncio.gather(
            *(concurrent.ask(client, HOLD, id=str(site.ids[0])) for client in range(CLIENTS))
        )
        seconds = time.monotonic() - began
    (won,) = [answer["hold"] for answer in answers if answer["hold"]]
    assert won["state"] == "ACTIVE"
    codes = Counter(error["code"] for answer in answers for error in answer["userErrors"])
    print(f"{CLIENTS} clients, 4 processes: {codes}, {seconds:.2f} s")  # noqa: T201 - the figures of a full run
    assert codes == {"ALREADY_HELD": CLIENTS - 1}
    assert {answer["heldUntil"] for answer in answers if not answer["hold"]} <= {won["expiresAt"]}
    assert await site.received("create_hold") == 1
    rows = await site.rows("SELECT state FROM hold_history")
    assert rows == [{"state": "active"}]


async def test_concurrent_holds_in_crossed_orders_do_not_deadlock(
    site: TradingSite, settings: Settings, tmp_path: Path
) -> None:
    async with open_clients(settings, tmp_path, clients=CROSSING) as concurrent:

        async def hold_all(client: int) -> list[tuple[int, str]]:
            order = list(range(STONES))
            Random(client).shuffle(order)
            found = []
            for stone in order:
                answer = await concurrent.ask(client, HOLD, process=client + stone, id=str(site.ids[stone]))
                code = "HELD" if answer["hold"] else answer["userErrors"][0]["code"]
                found.append((stone, code))
            return found

        began = time.monotonic()
        answers = await asyncio.gather(*(hold_all(client) for client in range(CROSSING)))
        seconds = time.monotonic() - began
    codes = Counter(code for found in answers for _, code in found)
    print(f"{CROSSING} clients, {STONES} stones, 4 processes: {codes}, {seconds:.2f} s")  # noqa: T201 - as above
    assert codes == {"HELD": STONES, "ALREADY_HELD": (CROSSING - 1) * STONES}
    holders = Counter(stone for found in answers for stone, code in found if code == "HELD")
    assert holders == dict.fromkeys(range(STONES), 1)
    assert await site.received("create_hold") == STONES
    assert await site.run("SELECT count(*) FROM hold_history WHERE state = 'active'") == STONES


async def test_concurrent_repetitions_of_purchase_send_one_order(
    site: TradingSite, settings: Settings, tmp_path: Path
) -> None:
    given = {
        "diamondId": str(site.ids[0]),
        "expectedPrice": PRICE,
        "idempotencyKey": "twins",
        "destinationId": "shop",
    }
    async with open_clients(settings, tmp_path, clients=1) as concurrent:
        began = time.monotonic()
        answers = await asyncio.gather(
            *(concurrent.ask(0, BUY, process=number, input=given) for number in range(REPETITIONS))
        )
        seconds = time.monotonic() - began
    print(f"{REPETITIONS} twins, 4 processes: {seconds:.2f} s")  # noqa: T201 - as above
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["purchase"]["state"] == "ORDERED"
    assert await site.received("create_order") == 1
    assert await site.run("SELECT count(*) FROM purchase_history") == 1


async def test_concurrent_holds_respect_limit_of_client(site: TradingSite, settings: Settings, tmp_path: Path) -> None:
    most = 5
    capped = settings.with_values(trading_holds_per_client=most)
    async with open_clients(capped, tmp_path, clients=1) as concurrent:
        answers = await asyncio.gather(
            *(concurrent.ask(0, HOLD, process=stone, id=str(site.ids[stone])) for stone in range(4 * most))
        )
    codes = Counter(error["code"] for answer in answers for error in answer["userErrors"])
    assert codes == {"HOLD_LIMIT_REACHED": 3 * most}
    assert await site.received("create_hold") == most
