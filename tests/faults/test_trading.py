"""The API and the jobs of trading, killed at every step: no stone is sold twice, none held for ever, nothing unrecorded."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.faults.trading import A_WHILE, API, BUY, EXTEND, HALF_A_DAY, HOLD, RELEASE, SETTLE, Answer, Shop, open_shop

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

Step = Callable[[Shop, int], Awaitable[Answer | None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened() -> AsyncIterator[Shop]:
    async with open_shop(400) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def shop(opened: Shop) -> Shop:
    await opened.calm()
    return opened


def succeeded(answer: Answer | None) -> bool:
    return answer is not None and answer.get("userErrors") == []


async def hold(shop: Shop, stone: int) -> Answer | None:
    return await shop.ask(HOLD, stone=str(shop.id_of(stone)))


async def _of_hold(shop: Shop, stone: int, document: str) -> Answer | None:
    (row,) = await shop.holds(stone)
    return await shop.ask(document, hold=str(row["id"]))


async def extend(shop: Shop, stone: int) -> Answer | None:
    return await _of_hold(shop, stone, EXTEND)


async def release(shop: Shop, stone: int) -> Answer | None:
    answer = await _of_hold(shop, stone, RELEASE)
    for _ in range(200):  # the supplier hears of it a little later
        if await shop.at_supplier(stone) != "HOLD" or (shop.api and not shop.api.running):
            break
    return answer


async def buy(shop: Shop, stone: int) -> Answer | None:
    return await shop.ask(BUY, stone=str(shop.id_of(stone)), key=f"stone {stone}")


# What is done in peace before, and the step at which the API is killed.
FLOWS: dict[str, tuple[list[Step], Step]] = {
    "hold": ([], hold),
    "extension": ([hold], extend),
    "release": ([hold], release),
    "purchase": ([], buy),
    "purchase under a hold": ([hold], buy),
}


@pytest.mark.parametrize("name", FLOWS)
async def test_the_api_may_be_killed_at_every_step(shop: Shop, name: str) -> None:
    before, step = FLOWS[name]

    async def prepare() -> int:
        stone = shop.next_stone()
        for one in before:
            assert succeeded(await one(shop, stone))
        await shop.learn_destinations()
        return stone

    background_tasks = await prepare()
    shop.site.processes.forget()
    assert succeeded(await step(shop, background_tasks))
    orders = list(shop.points(API))
    await shop.check(background_tasks)
    assert len(orders) >= 6, orders
    for order in orders:
        stone = await prepare()
        shop.site.processes.arm(API, order)
        answer = await step(shop, stone)
        await shop.killed(order)
        told = (answer or {}).get("purchase") or {}
        await shop.wait(A_WHILE)
        await shop.settle_all()
        await shop.check(stone)

        again = await step(shop, stone)  # by another process, as a client would
        assert again, order
        await shop.wait(A_WHILE)
        await shop.settle_all()
        await shop.check(stone)
        if told.get("state") == "ORDERED":
            assert again["purchase"] == told

        await shop.wait(HALF_A_DAY)
        await shop.settle_all()
        await shop.check(stone)
        assert await shop.at_supplier(stone) != "HOLD" or await unknown(shop, stone), "none is held for ever"
        if await shop.at_supplier(stone) == "AVAILABLE" and not await unknown(shop, stone):
            taken = await shop.ask(HOLD, client="globex", stone=str(shop.id_of(stone)))
            assert taken
            assert taken["hold"]["state"] == "ACTIVE"


async def unknown(shop: Shop, stone: int) -> bool:
    """Whether the stone waits for somebody to look at the supplier's."""
    return any(row["state"] == "unknown" for row in await shop.purchases(stone))


async def lose_a_hold(shop: Shop, stone: int) -> None:
    rule = {"kind": "status", "status": 500, "executed": True, "operations": ["create_hold"]}
    await shop.site.feed("POST", "faults", {"rules": [rule]})
    answer = await hold(shop, stone)
    await shop.site.feed("DELETE", "faults")
    assert answer == {"errors": ["SUPPLIER_TIMEOUT"]}
    await shop.wait(A_WHILE)


async def let_a_hold_expire(shop: Shop, stone: int) -> None:
    assert succeeded(await hold(shop, stone))
    await shop.wait(HALF_A_DAY)


async def lose_a_purchase(shop: Shop, stone: int) -> None:
    """The API dies when the order is out."""
    await shop.open()
    await shop.site.fetch(
        """INSERT INTO purchase_history (diamond_id, client_id, idempotency_key, request_hash, state, price_cents,
               offer_id, sent_at) VALUES ($1, 'acme', $2, '', 'pending', 5, 'x', now())""",
        shop.id_of(stone),
        f"lost {stone}",
    )
    await shop.site.fetch(
        """INSERT INTO event_log (kind, diamond_ids, purchase_id, data)
           SELECT 'purchase_pending', ARRAY[diamond_id], id, '{}' FROM purchase_history WHERE diamond_id = $1""",
        shop.id_of(stone),
    )
    await shop.wait(A_WHILE)


async def lose_an_order(shop: Shop, stone: int) -> None:
    """The supplier takes an order, and its answer is lost."""
    rule = {"kind": "status", "status": 500, "executed": True, "operations": ["create_order"]}
    await shop.site.feed("POST", "faults", {"rules": [rule]})
    answer = await buy(shop, stone)
    await shop.site.feed("DELETE", "faults")
    assert answer
    assert answer["purchase"]["state"] == "UNKNOWN"


async def order_long_ago(shop: Shop, stone: int) -> None:
    """An order that the supplier has not confirmed."""
    assert succeeded(await buy(shop, stone))
    await shop.site.fetch(
        "UPDATE purchase_history SET ended_at = ended_at - interval '3 days' WHERE diamond_id = $1", shop.id_of(stone)
    )


LEFT: dict[str, Callable[[Shop, int], Awaitable[None]]] = {
    "a lost hold": lose_a_hold,
    "an expired hold": let_a_hold_expire,
    "a lost purchase": lose_a_purchase,
    "a lost order": lose_an_order,
    "an order without an answer": order_long_ago,
}


@pytest.mark.parametrize("name", LEFT)
async def test_the_jobs_may_be_killed_at_every_step(shop: Shop, name: str) -> None:
    leave = LEFT[name]

    async def prepare() -> int:
        stone = shop.next_stone()
        await shop.set_aside()
        await leave(shop, stone)
        return stone

    background_tasks = await prepare()
    shop.site.processes.forget()
    # One round: an order to die counts the points of one process.
    assert await shop.settle() == 0
    assert not await shop.due()
    orders = list(shop.points(SETTLE))
    await shop.check(background_tasks)
    assert len(orders) >= 4, orders
    for order in orders:
        stone = await prepare()
        shop.site.processes.arm(SETTLE, order)
        await shop.settle_all()
        await shop.killed(order)
        await shop.wait(A_WHILE)
        await shop.settle_all()
        await shop.check(stone)
        await shop.wait(HALF_A_DAY)
        await shop.settle_all()
        await shop.check(stone)
        assert await shop.at_supplier(stone) != "HOLD"
