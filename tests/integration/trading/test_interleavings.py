"""Interleavings: a slow release of an old hold, the settlement job, and a hold that expires during a decision."""

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
from tests.integration.trading.trading_site import TradingSite


async def leave_unreleased_hold(site: TradingSite) -> None:
    """A hold of acme has ended here, and the supplier does not know it."""
    hold = await site.hold()
    await site.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    await site.trading.holds.release(hold.id, "acme")
    await wait_for_request(site, "cancel_hold")
    await site.restore_supplier()
    await site.control("DELETE", "calls")
    await site.run("UPDATE hold_history SET due_at = now() + interval '1 hour'")  # not released by the job


async def wait_for_request(site: TradingSite, operation: str) -> None:
    """Wait until the supplier receives a request for this operation."""
    while await site.received(operation) == 0:  # noqa: ASYNC110 - he tells nobody
        await asyncio.sleep(0.01)


async def expire_hold_after(site: TradingSite, monkeypatch: pytest.MonkeyPatch, read: str) -> None:
    """Let acme's hold expire immediately after the database has answered this read."""
    hold = await site.hold()
    module = diamonds if read == "diamond" else hold_repository
    reading = getattr(module, read)

    async def read_and_end(connection: Connection, *given: Any) -> Any:
        found = await reading(connection, *given)
        await connection.execute("UPDATE hold_history SET expires_at = clock_timestamp() WHERE id = $1", hold.id)
        return found

    monkeypatch.setattr(module, read, read_and_end)


async def test_abandoned_request_is_not_sent_after_release_of_old_hold(site: TradingSite) -> None:
    await leave_unreleased_hold(site)
    await site.break_supplier({"kind": "stall", "seconds": 1, "operations": ["cancel_hold"], "count": 1})
    asking = asyncio.create_task(site.hold(client="globex"))
    await wait_for_request(site, "cancel_hold")
    await site.run("UPDATE hold_history SET due_at = now() WHERE client_id = 'globex'")
    await site.settlement.holds()
    denied = await asking
    assert (denied.state, denied.reason) == (HoldState.DENIED, "not held")
    assert await site.received("create_hold") == 0
    assert (await site.hold(client="globex")).state is HoldState.ACTIVE


async def test_remaining_old_hold_at_supplier_is_not_requested_one(site: TradingSite) -> None:
    """The process of globex stopped before the old hold was released and before its request."""
    await leave_unreleased_hold(site)
    await site.trading.holds._reserve(site.ids[0], Holder("globex"), 60)
    await site.advance_time(120)
    await site.settlement.holds()
    assert await site.rows("SELECT client_id, state FROM hold_history ORDER BY requested_at") == [
        {"client_id": "acme", "state": "released"},
        {"client_id": "globex", "state": "denied"},
    ]
    await site.advance_time(3600)
    await site.settlement.holds()
    assert await site.at_supplier(0) == "AVAILABLE"


async def test_purchased_stone_has_no_old_holds_to_release(site: TradingSite) -> None:
    await leave_unreleased_hold(site)
    assert (await site.buy(client="globex")).state is PurchaseState.ORDERED
    await site.advance_time(2 * 3600)
    await site.settlement.holds()
    assert await site.received("cancel_hold") == 0, "what the order has used up may be known there under the same id"


async def test_holder_with_unknown_purchase_cannot_buy_with_another_key(site: TradingSite) -> None:
    await site.hold()
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    assert (await site.buy()).state is PurchaseState.UNKNOWN
    await site.restore_supplier()
    with pytest.raises(NotAvailable):
        await site.buy(key="2")
    assert await site.received("create_order") == 1


async def test_request_lifetime_starts_when_it_is_sent(site: TradingSite) -> None:
    await leave_unreleased_hold(site)
    rules = [
        {"kind": "stall", "seconds": 1, "operations": [operation], "count": 1}
        for operation in ("cancel_hold", "create_hold")
    ]
    await site.break_supplier(*rules)
    asking = asyncio.create_task(site.hold(client="globex"))
    await wait_for_request(site, "cancel_hold")
    await wait_for_request(site, "create_hold")
    seconds = await site.run(
        "SELECT extract(epoch FROM due_at - requested_at)::float8 FROM hold_history WHERE client_id = 'globex'"
    )
    assert seconds > settlement_seconds(site.settings.trading) + 0.5
    assert (await asking).state is HoldState.ACTIVE


async def test_slow_release_of_old_hold_fails_new_one(site: TradingSite) -> None:
    await leave_unreleased_hold(site)
    await site.break_supplier({"kind": "stall", "seconds": 2.5, "operations": ["cancel_hold"]})
    hasty = site.settings.with_values(trading_patience_seconds=0.3, trading_timeout_seconds=0.3)
    holds = Holds(hasty.trading, site.database, site.supplier, BackgroundTasks())
    with pytest.raises(SupplierUnavailable, match="before this one"):
        await holds.create(site.ids[0], "globex")
    assert await site.received("create_hold") == 0
    assert await site.availability() == "available"


# The reads of a decision, each with a running clock.
READS = ["open_hold", "overdue_hold", "diamond"]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("who", ["globex", "acme"])
async def test_hold_that_expires_during_decision_is_open_or_ended(
    site: TradingSite, monkeypatch: pytest.MonkeyPatch, read: str, who: str
) -> None:
    await expire_hold_after(site, monkeypatch, read)
    try:
        hold = await site.hold(client=who)
    except AlreadyHeld:
        assert who == "globex"
    else:
        assert (hold.client_id, hold.state in {HoldState.ACTIVE, HoldState.EXPIRED}) == (who, True)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("who", ["globex", "acme"])
async def test_purchase_handles_hold_that_expires_during_decision(
    site: TradingSite, monkeypatch: pytest.MonkeyPatch, read: str, who: str
) -> None:
    await expire_hold_after(site, monkeypatch, read)
    try:
        purchase = await site.buy(client=who)
    except AlreadyHeld:
        assert who == "globex"
    else:
        assert (purchase.client_id, purchase.state) == (who, PurchaseState.ORDERED)
