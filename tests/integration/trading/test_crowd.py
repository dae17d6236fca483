"""One winner, however many ask at once, over however many processes.

TRADING_CROWD=full runs the full figures: 200 clients for one stone, 200 for each of 50 stones, 100 twins of a purchase.
"""

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from inventory.core.settings import Settings
from tests.integration.trading.crowd import BUY, HOLD, open_crowd
from tests.integration.trading.market import PRICE, Market

FULL = os.environ.get("TRADING_CROWD") == "full"
CLIENTS = 200 if FULL else 60
CROSSING, STONES = (200, 50) if FULL else (12, 20)
TWINS = 100 if FULL else 40

pytestmark = pytest.mark.timeout(900 if FULL else 240)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # A busy machine is no silent supplier.
    return settings.with_values(
        trading_timeout_seconds=30.0,
        trading_patience_seconds=30.0,
        trading_wait_seconds=30.0,
        trading_holds_per_client=60,
        graphql_timeout_seconds=120.0,
        database_timeout_seconds=60.0,
        graphql_budget=1_000_000,
    )


async def test_of_a_crowd_one_holds_the_stone_the_supplier_is_asked_once_and_all_others_hear_until_when(
    market: Market, settings: Settings, tmp_path: Path
) -> None:
    async with open_crowd(settings, tmp_path, clients=CLIENTS) as crowd:
        began = time.monotonic()
        answers = await asyncio.gather(*(crowd.ask(client, HOLD, id=str(market.ids[0])) for client in range(CLIENTS)))
        seconds = time.monotonic() - began
    (won,) = [answer["hold"] for answer in answers if answer["hold"]]
    assert won["state"] == "ACTIVE"
    codes = Counter(error["code"] for answer in answers for error in answer["userErrors"])
    print(f"{CLIENTS} clients, 4 processes: {codes}, {seconds:.2f} s")  # noqa: T201 - the figures of a full run
    assert codes == {"ALREADY_HELD": CLIENTS - 1}
    assert {answer["heldUntil"] for answer in answers if not answer["hold"]} <= {won["expiresAt"]}
    assert await market.asked("create_hold") == 1
    rows = await market.rows("SELECT state FROM hold_history")
    assert rows == [{"state": "active"}]


async def test_many_stones_asked_for_in_crossed_orders_have_one_holder_each_and_nobody_waits_in_a_circle(
    market: Market, settings: Settings, tmp_path: Path
) -> None:
    async with open_crowd(settings, tmp_path, clients=CROSSING) as crowd:

        async def go_through(client: int) -> list[tuple[int, str]]:
            order = list(range(STONES))
            Random(client).shuffle(order)
            found = []
            for stone in order:
                answer = await crowd.ask(client, HOLD, process=client + stone, id=str(market.ids[stone]))
                code = "HELD" if answer["hold"] else answer["userErrors"][0]["code"]
                found.append((stone, code))
            return found

        began = time.monotonic()
        answers = await asyncio.gather(*(go_through(client) for client in range(CROSSING)))
        seconds = time.monotonic() - began
    codes = Counter(code for found in answers for _, code in found)
    print(f"{CROSSING} clients, {STONES} stones, 4 processes: {codes}, {seconds:.2f} s")  # noqa: T201 - as above
    assert codes == {"HELD": STONES, "ALREADY_HELD": (CROSSING - 1) * STONES}
    holders = Counter(stone for found in answers for stone, code in found if code == "HELD")
    assert holders == dict.fromkeys(range(STONES), 1)
    assert await market.asked("create_hold") == STONES
    assert await market.run("SELECT count(*) FROM hold_history WHERE state = 'active'") == STONES


async def test_of_many_twins_of_one_purchase_one_order_goes_out_and_all_hear_the_same(
    market: Market, settings: Settings, tmp_path: Path
) -> None:
    given = {
        "diamondId": str(market.ids[0]),
        "expectedPrice": PRICE,
        "idempotencyKey": "twins",
        "destinationId": "shop",
    }
    async with open_crowd(settings, tmp_path, clients=1) as crowd:
        began = time.monotonic()
        answers = await asyncio.gather(*(crowd.ask(0, BUY, process=number, input=given) for number in range(TWINS)))
        seconds = time.monotonic() - began
    print(f"{TWINS} twins, 4 processes: {seconds:.2f} s")  # noqa: T201 - as above
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["purchase"]["state"] == "ORDERED"
    assert await market.asked("create_order") == 1
    assert await market.run("SELECT count(*) FROM purchase_history") == 1


async def test_a_client_never_holds_more_than_it_may_however_many_it_asks_for_at_once(
    market: Market, settings: Settings, tmp_path: Path
) -> None:
    most = 5
    capped = settings.with_values(trading_holds_per_client=most)
    async with open_crowd(capped, tmp_path, clients=1) as crowd:
        answers = await asyncio.gather(
            *(crowd.ask(0, HOLD, process=stone, id=str(market.ids[stone])) for stone in range(4 * most))
        )
    codes = Counter(error["code"] for answer in answers for error in answer["userErrors"])
    assert codes == {"HOLD_LIMIT_REACHED": 3 * most}
    assert await market.asked("create_hold") == most
