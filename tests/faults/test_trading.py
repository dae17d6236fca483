"""API and trading jobs, killed at every step: no stone is sold twice or stays blocked, every trade is recorded."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.faults.trading import (
    A_WHILE,
    API,
    BUY,
    EXTEND,
    HALF_A_DAY,
    HOLD,
    RELEASE,
    SETTLE,
    Answer,
    TradingSite,
    open_trading_site,
)

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

Step = Callable[[TradingSite, int], Awaitable[Answer | None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened_site() -> AsyncIterator[TradingSite]:
    async with open_trading_site(400) as trading_site:
        yield trading_site


@pytest_asyncio.fixture(loop_scope="session")
async def trading_site(opened_site: TradingSite) -> TradingSite:
    await opened_site.calm()
    return opened_site


def succeeded(answer: Answer | None) -> bool:
    return answer is not None and answer.get("userErrors") == []


async def hold(trading_site: TradingSite, stone: int) -> Answer | None:
    return await trading_site.ask(HOLD, stone=str(trading_site.id_of(stone)))


async def _of_hold(trading_site: TradingSite, stone: int, document: str) -> Answer | None:
    (row,) = await trading_site.holds(stone)
    return await trading_site.ask(document, hold=str(row["id"]))


async def extend(trading_site: TradingSite, stone: int) -> Answer | None:
    return await _of_hold(trading_site, stone, EXTEND)


async def release(trading_site: TradingSite, stone: int) -> Answer | None:
    answer = await _of_hold(trading_site, stone, RELEASE)
    for _ in range(200):  # the supplier is told a little later
        if await trading_site.at_supplier(stone) != "HOLD" or (trading_site.api and not trading_site.api.running):
            break
    return answer


async def buy(trading_site: TradingSite, stone: int) -> Answer | None:
    return await trading_site.ask(BUY, stone=str(trading_site.id_of(stone)), key=f"stone {stone}")


# The undisturbed preparation, and the step at which the API is killed.
FLOWS: dict[str, tuple[list[Step], Step]] = {
    "hold": ([], hold),
    "extension": ([hold], extend),
    "release": ([hold], release),
    "purchase": ([], buy),
    "purchase under a hold": ([hold], buy),
}


@pytest.mark.parametrize("name", FLOWS)
async def test_trade_is_consistent_after_api_was_killed_at_any_step(trading_site: TradingSite, name: str) -> None:
    before, step = FLOWS[name]

    async def prepare() -> int:
        stone = trading_site.next_stone()
        for one in before:
            assert succeeded(await one(trading_site, stone))
        await trading_site.learn_destinations()
        return stone

    background_tasks = await prepare()
    trading_site.site.processes.forget()
    assert succeeded(await step(trading_site, background_tasks))
    orders = list(trading_site.points(API))
    await trading_site.check(background_tasks)
    assert len(orders) >= 6, orders
    for order in orders:
        stone = await prepare()
        trading_site.site.processes.arm(API, order)
        answer = await step(trading_site, stone)
        await trading_site.killed(order)
        told = (answer or {}).get("purchase") or {}
        await trading_site.wait(A_WHILE)
        await trading_site.settle_all()
        await trading_site.check(stone)

        again = await step(trading_site, stone)  # by another process, as a client would
        assert again, order
        await trading_site.wait(A_WHILE)
        await trading_site.settle_all()
        await trading_site.check(stone)
        if told.get("state") == "ORDERED":
            assert again["purchase"] == told

        await trading_site.wait(HALF_A_DAY)
        await trading_site.settle_all()
        await trading_site.check(stone)
        assert await trading_site.at_supplier(stone) != "HOLD" or await unknown(trading_site, stone), (
            "none is held for ever"
        )
        if await trading_site.at_supplier(stone) == "AVAILABLE" and not await unknown(trading_site, stone):
            taken = await trading_site.ask(HOLD, client="globex", stone=str(trading_site.id_of(stone)))
            assert taken
            assert taken["hold"]["state"] == "ACTIVE"


async def unknown(trading_site: TradingSite, stone: int) -> bool:
    """Whether the stone waits for an operator."""
    return any(row["state"] == "unknown" for row in await trading_site.purchases(stone))


async def lose_hold_response(trading_site: TradingSite, stone: int) -> None:
    rule = {"kind": "status", "status": 500, "executed": True, "operations": ["create_hold"]}
    await trading_site.site.feed("POST", "faults", {"rules": [rule]})
    answer = await hold(trading_site, stone)
    await trading_site.site.feed("DELETE", "faults")
    assert answer == {"errors": ["SUPPLIER_TIMEOUT"]}
    await trading_site.wait(A_WHILE)


async def expire_hold(trading_site: TradingSite, stone: int) -> None:
    assert succeeded(await hold(trading_site, stone))
    await trading_site.wait(HALF_A_DAY)


async def lose_purchase_response(trading_site: TradingSite, stone: int) -> None:
    """The API is killed after the order was sent."""
    await trading_site.open()
    await trading_site.site.fetch(
        """INSERT INTO purchase_history (diamond_id, client_id, idempotency_key, request_hash, state, price_cents,
               offer_id, sent_at) VALUES ($1, 'acme', $2, '', 'pending', 5, 'x', now())""",
        trading_site.id_of(stone),
        f"lost {stone}",
    )
    await trading_site.site.fetch(
        """INSERT INTO event_log (kind, diamond_ids, purchase_id, data)
           SELECT 'purchase_pending', ARRAY[diamond_id], id, '{}' FROM purchase_history WHERE diamond_id = $1""",
        trading_site.id_of(stone),
    )
    await trading_site.wait(A_WHILE)


async def lose_order_response(trading_site: TradingSite, stone: int) -> None:
    """The supplier accepts an order, and its response is lost."""
    rule = {"kind": "status", "status": 500, "executed": True, "operations": ["create_order"]}
    await trading_site.site.feed("POST", "faults", {"rules": [rule]})
    answer = await buy(trading_site, stone)
    await trading_site.site.feed("DELETE", "faults")
    assert answer
    assert answer["purchase"]["state"] == "UNKNOWN"


async def age_unconfirmed_order(trading_site: TradingSite, stone: int) -> None:
    """An order that the supplier has not confirmed."""
    assert succeeded(await buy(trading_site, stone))
    await trading_site.site.fetch(
        "UPDATE purchase_history SET ended_at = ended_at - interval '3 days' WHERE diamond_id = $1",
        trading_site.id_of(stone),
    )


LEFT: dict[str, Callable[[TradingSite, int], Awaitable[None]]] = {
    "a lost hold": lose_hold_response,
    "an expired hold": expire_hold,
    "a lost purchase": lose_purchase_response,
    "a lost order": lose_order_response,
    "an order without an answer": age_unconfirmed_order,
}


@pytest.mark.parametrize("name", LEFT)
async def test_trade_is_consistent_after_jobs_were_killed_at_any_step(trading_site: TradingSite, name: str) -> None:
    leave = LEFT[name]

    async def prepare() -> int:
        stone = trading_site.next_stone()
        await trading_site.set_aside()
        await leave(trading_site, stone)
        return stone

    background_tasks = await prepare()
    trading_site.site.processes.forget()
    # One round: a kill order counts the points of one process.
    assert await trading_site.settle() == 0
    assert not await trading_site.due()
    orders = list(trading_site.points(SETTLE))
    await trading_site.check(background_tasks)
    assert len(orders) >= 4, orders
    for order in orders:
        stone = await prepare()
        trading_site.site.processes.arm(SETTLE, order)
        await trading_site.settle_all()
        await trading_site.killed(order)
        await trading_site.wait(A_WHILE)
        await trading_site.settle_all()
        await trading_site.check(stone)
        await trading_site.wait(HALF_A_DAY)
        await trading_site.settle_all()
        await trading_site.check(stone)
        assert await trading_site.at_supplier(stone) != "HOLD"
