"""What comes in between: an old hold that ends slowly, the job, and the end of a hold while somebody decides."""

import asyncio
from typing import Any

import pytest

from inventory.core.database import Connection
from inventory.core.errors import SupplierUnavailable
from inventory.trading import diamonds, hold_repository
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.errors import AlreadyHeld, NotAvailable
from inventory.trading.holds import Holds
from inventory.trading.ownership import Holder
from inventory.trading.states import HoldState, PurchaseState
from inventory.trading.timeouts import settlement_seconds
from tests.integration.trading.market import Market


async def leave_a_hold_at_the_supplier(market: Market) -> None:
    """A hold of acme's is over here, and the supplier has not heard of it."""
    hold = await market.hold()
    await market.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    await market.trading.holds.release(hold.id, "acme")
    await begun(market, "cancel_hold")
    await market.mend_supplier()
    await market.control("DELETE", "calls")
    await market.run("UPDATE hold_history SET due_at = now() + interval '1 hour'")  # not by the job


async def begun(market: Market, operation: str) -> None:
    """Wait until the supplier is being asked for this."""
    while await market.asked(operation) == 0:  # noqa: ASYNC110 - he tells nobody
        await asyncio.sleep(0.01)


async def let_a_hold_end_after(market: Market, monkeypatch: pytest.MonkeyPatch, read: str) -> None:
    """The time of acme's hold comes the moment after the database was read like this."""
    hold = await market.hold()
    module = diamonds if read == "diamond" else hold_repository
    reading = getattr(module, read)

    async def read_and_end(connection: Connection, *given: Any) -> Any:
        found = await reading(connection, *given)
        await connection.execute("UPDATE hold_history SET expires_at = clock_timestamp() WHERE id = $1", hold.id)
        return found

    monkeypatch.setattr(module, read, read_and_end)


async def test_a_request_that_was_given_up_while_an_old_hold_was_ended_does_not_go_out(market: Market) -> None:
    await leave_a_hold_at_the_supplier(market)
    await market.break_supplier({"kind": "stall", "seconds": 1, "operations": ["cancel_hold"], "count": 1})
    asking = asyncio.create_task(market.hold(client="globex"))
    await begun(market, "cancel_hold")
    await market.run("UPDATE hold_history SET due_at = now() WHERE client_id = 'globex'")
    await market.settlement.holds()
    denied = await asking
    assert (denied.state, denied.reason) == (HoldState.DENIED, "not held")
    assert await market.asked("create_hold") == 0
    assert (await market.hold(client="globex")).state is HoldState.ACTIVE


async def test_what_the_supplier_still_holds_of_an_old_hold_is_not_taken_for_what_was_asked_for(market: Market) -> None:
    """The process of globex died before it had the old hold ended, and before it asked."""
    await leave_a_hold_at_the_supplier(market)
    await market.trading.holds._reserve(market.ids[0], Holder("globex"), 60)
    await market.pass_time(120)
    await market.settlement.holds()
    assert await market.rows("SELECT client_id, state FROM hold_history ORDER BY requested_at") == [
        {"client_id": "acme", "state": "released"},
        {"client_id": "globex", "state": "denied"},
    ]
    await market.pass_time(3600)
    await market.settlement.holds()
    assert await market.at_supplier(0) == "AVAILABLE"


async def test_a_stone_that_was_bought_has_no_old_holds_left_to_be_ended(market: Market) -> None:
    await leave_a_hold_at_the_supplier(market)
    assert (await market.buy(client="globex")).state is PurchaseState.ORDERED
    await market.pass_time(2 * 3600)
    await market.settlement.holds()
    assert await market.asked("cancel_hold") == 0, "what the order has used up may be known there under the same id"


async def test_a_holder_whose_purchase_is_not_known_yet_does_not_buy_under_another_key(market: Market) -> None:
    await market.hold()
    await market.break_supplier({"kind": "reset", "operations": ["create_order"]})
    assert (await market.buy()).state is PurchaseState.UNKNOWN
    await market.mend_supplier()
    with pytest.raises(NotAvailable):
        await market.buy(key="2")
    assert await market.asked("create_order") == 1


async def test_the_job_gives_a_request_its_time_from_when_it_goes_out(market: Market) -> None:
    await leave_a_hold_at_the_supplier(market)
    rules = [
        {"kind": "stall", "seconds": 1, "operations": [operation], "count": 1}
        for operation in ("cancel_hold", "create_hold")
    ]
    await market.break_supplier(*rules)
    asking = asyncio.create_task(market.hold(client="globex"))
    await begun(market, "cancel_hold")
    await begun(market, "create_hold")
    seconds = await market.run(
        "SELECT extract(epoch FROM due_at - requested_at)::float8 FROM hold_history WHERE client_id = 'globex'"
    )
    assert seconds > settlement_seconds(market.settings.trading) + 0.5
    assert (await asking).state is HoldState.ACTIVE


async def test_an_old_hold_that_does_not_end_in_time_costs_the_new_one(market: Market) -> None:
    await leave_a_hold_at_the_supplier(market)
    await market.break_supplier({"kind": "stall", "seconds": 2.5, "operations": ["cancel_hold"]})
    hasty = market.settings.with_values(trading_patience_seconds=0.3, trading_timeout_seconds=0.3)
    holds = Holds(hasty.trading, market.database, market.supplier, BackgroundTasks())
    with pytest.raises(SupplierUnavailable, match="before this one"):
        await holds.create(market.ids[0], "globex")
    assert await market.asked("create_hold") == 0
    assert await market.availability() == "available"


# The reads of a decision, each by a clock that goes on.
READS = ["open_hold", "overdue_hold", "diamond"]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("who", ["globex", "acme"])
async def test_a_hold_that_ends_while_somebody_decides_is_there_or_over_and_never_neither(
    market: Market, monkeypatch: pytest.MonkeyPatch, read: str, who: str
) -> None:
    await let_a_hold_end_after(market, monkeypatch, read)
    try:
        hold = await market.hold(client=who)
    except AlreadyHeld:
        assert who == "globex"
    else:
        assert (hold.client_id, hold.state in {HoldState.ACTIVE, HoldState.EXPIRED}) == (who, True)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("who", ["globex", "acme"])
async def test_so_it_is_where_the_stone_is_bought(
    market: Market, monkeypatch: pytest.MonkeyPatch, read: str, who: str
) -> None:
    await let_a_hold_end_after(market, monkeypatch, read)
    try:
        purchase = await market.buy(client=who)
    except AlreadyHeld:
        assert who == "globex"
    else:
        assert (purchase.client_id, purchase.state) == (who, PurchaseState.ORDERED)
