"""Settlement job: unresolved requests are settled, repetition is harmless, no stone stays blocked."""

import asyncio
from typing import Any

import pytest

from inventory.core.errors import OutcomeUnknown, SupplierUnavailable
from inventory.suppliers.ports import SupplierHold
from inventory.trading import hold_transitions
from inventory.trading.locks import locked_diamond
from inventory.trading.states import HoldState
from tests.integration.trading.trading_site import TradingSite

DAY = 24 * 3600
LOST: dict[str, dict[str, Any]] = {
    "executed": {"kind": "status", "status": 500, "executed": True},
    "not executed": {"kind": "status", "status": 503},
    "reset": {"kind": "reset"},
    "stall": {"kind": "stall", "seconds": 20},
    "half an answer": {"kind": "truncate"},
}


async def create_unknown_hold(site: TradingSite, name: str = "executed", number: int = 0) -> None:
    """A hold whose response was lost."""
    await site.break_supplier({**LOST[name], "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await site.hold(number)
    await site.restore_supplier()


@pytest.mark.parametrize("name", LOST)
async def test_lost_response_reserves_stone_until_job_resolves_it(site: TradingSite, name: str) -> None:
    await create_unknown_hold(site, name)
    assert await site.availability() == "on_hold"
    with pytest.raises(OutcomeUnknown):
        await site.hold()
    assert await site.settlement.holds() == 0, "the answer may still come"
    await site.advance_time(60)
    assert [await site.settlement.holds() for _ in range(2)] == [1, 0]
    granted = name != "not executed"
    (row,) = await site.rows("SELECT state, reason, supplier_hold_id FROM hold_history")
    if granted:
        (trade,) = await site.trades("create_hold")
        assert row == {"state": "active", "reason": None, "supplier_hold_id": trade["answer"]["id"]}
        assert (await site.hold()).state is HoldState.ACTIVE
    else:
        assert row == {"state": "denied", "reason": "not held", "supplier_hold_id": None}
    assert await site.availability() == ("on_hold" if granted else "available")
    assert await site.received("create_hold") == 1
    assert await site.events() == ["hold_requested", "hold_activated" if granted else "hold_denied"]


async def test_hold_found_by_job_is_released_at_supplier_when_it_ends(site: TradingSite) -> None:
    await create_unknown_hold(site)
    await site.advance_time(60)
    await site.settlement.holds()
    hold = await site.hold()
    await site.trading.holds.release(hold.id, "acme")
    await site.settlement.holds()
    assert await site.at_supplier(0) == "AVAILABLE"


async def test_request_does_not_block_stone_permanently_when_supplier_is_down(site: TradingSite) -> None:
    await create_unknown_hold(site)
    await site.break_supplier({"kind": "status", "status": 503})
    await site.advance_time(3600)
    assert await site.availability() == "available"
    with pytest.raises(SupplierUnavailable):
        await site.settlement.holds()
    (row,) = await site.rows("SELECT state, reason FROM hold_history")
    assert row == {"state": "denied", "reason": "never settled"}
    await site.restore_supplier()
    await site.advance_time(3600)
    await site.settlement.holds()
    assert await site.at_supplier(0) == "AVAILABLE", "what the supplier had granted is not kept from others"
    assert await site.settlement.holds() == 0


async def test_settlement_is_repeated_when_supplier_was_unavailable(site: TradingSite) -> None:
    for number in range(3):
        await create_unknown_hold(site, number=number)
    await site.break_supplier({"kind": "status", "status": 503})
    await site.advance_time(60)
    with pytest.raises(SupplierUnavailable):
        await site.settlement.holds()
    attempts = await site.rows("SELECT attempts FROM hold_history ORDER BY attempts")
    assert [row["attempts"] for row in attempts] == [0, 0, 1]
    await site.restore_supplier()
    assert await site.settlement.holds() == 2
    states = await site.rows("SELECT state FROM hold_history ORDER BY attempts, state")
    assert [row["state"] for row in states] == ["active", "active", "requested"]


async def test_hold_found_after_its_end_begins_and_ends_once(site: TradingSite) -> None:
    await site.break_supplier({**LOST["executed"], "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await site.hold(minutes=1)
    await site.restore_supplier()
    await site.advance_time(90)
    while await site.settlement.holds():
        pass
    assert await site.events() == ["hold_requested", "hold_activated", "hold_expired"]
    assert await site.availability() == "available"
    assert await site.at_supplier(0) == "AVAILABLE"


async def test_next_request_releases_unsettled_hold_first(site: TradingSite) -> None:
    await create_unknown_hold(site)
    await site.advance_time(3600)
    hold = await site.hold(client="globex")
    assert hold.state is HoldState.ACTIVE
    assert len(await site.trades("create_hold")) == 2
    assert len(await site.trades("cancel_hold")) == 1


async def test_job_does_not_release_hold_that_was_just_granted(site: TradingSite) -> None:
    """The job looks for a remaining hold of acme and finds the new hold of globex."""
    await create_unknown_hold(site, "not executed")
    await site.advance_time(3600)
    await site.break_supplier({"kind": "status", "status": 503})
    with pytest.raises(SupplierUnavailable):
        await site.settlement.holds()
    await site.break_supplier({**LOST["executed"], "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await site.hold(client="globex")
    await site.restore_supplier()
    await site.run(
        "UPDATE hold_history SET due_at = now() WHERE client_id = 'acme'"
    )  # claimed before the request of globex
    assert await site.settlement.holds() == 1
    assert await site.at_supplier(0) == "HOLD"
    await site.advance_time(60)
    await site.settlement.holds()
    assert await site.rows("SELECT client_id, state FROM hold_history ORDER BY requested_at") == [
        {"client_id": "acme", "state": "denied"},
        {"client_id": "globex", "state": "active"},
    ]
    assert await site.at_supplier(0) == "HOLD"
    await site.advance_time(3600)
    await site.settlement.holds()
    assert await site.run("SELECT count(*) FROM hold_history WHERE ended_at IS NOT NULL AND due_at IS NOT NULL") == 0


async def test_supplier_hold_is_attributed_when_unsettled_hold_ends(site: TradingSite) -> None:
    await create_unknown_hold(site)
    await site.sync_truth()
    await site.advance_time(3600)
    await site.break_supplier({"kind": "status", "status": 503})
    with pytest.raises(SupplierUnavailable):
        await site.settlement.holds()
    assert await site.availability() == "on_hold", "nobody knows whose hold the supplier speaks of"
    await site.restore_supplier()
    await site.advance_time(3600)
    assert await site.settlement.holds() == 1
    assert await site.at_supplier(0) == "AVAILABLE"
    assert await site.availability() == "available", "though the feed is late"


async def test_end_of_hold_appends_event_and_releases_supplier_hold(site: TradingSite) -> None:
    await site.hold()
    assert await site.settlement.holds() == 0
    await site.advance_time(DAY + 1)
    assert await site.events() == ["hold_requested", "hold_activated"]
    assert [await site.settlement.holds() for _ in range(2)] == [2, 0]
    assert await site.events() == ["hold_requested", "hold_activated", "hold_expired"]
    assert await site.at_supplier(0) == "AVAILABLE"


async def test_extended_hold_is_closed_at_new_end(site: TradingSite) -> None:
    hold = await site.hold(minutes=10)
    await site.trading.holds.extend(hold.id, "acme", 60)
    await site.advance_time(1200)
    assert await site.settlement.holds() == 0
    assert await site.availability() == "on_hold"
    await site.advance_time(3600)
    await site.settlement.holds()
    assert await site.run("SELECT state FROM hold_history") == "expired"


async def test_failed_release_is_repeated_until_success(site: TradingSite) -> None:
    hold = await site.hold()
    await site.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    await site.trading.holds.release(hold.id, "acme")
    await site.advance_time(1)
    with pytest.raises(SupplierUnavailable):
        await site.settlement.holds()
    assert await site.settlement.holds() == 0, "not at once again"
    await site.restore_supplier()
    await site.advance_time(120)
    assert [await site.settlement.holds() for _ in range(2)] == [1, 0]
    assert await site.at_supplier(0) == "AVAILABLE"


async def test_concurrent_settlement_jobs_do_each_task_once(site: TradingSite) -> None:
    for number in range(6):
        await site.hold(number)
    await site.advance_time(DAY + 1)
    await asyncio.gather(*(site.settlement.holds() for _ in range(5)))
    for number in range(6):
        assert await site.events(number) == ["hold_requested", "hold_activated", "hold_expired"]
    assert len(await site.trades("cancel_hold")) == 6


async def test_late_response_is_applied(site: TradingSite) -> None:
    """The job found nothing and gave the request up. The supplier grants it later."""
    await site.break_supplier({"kind": "stall", "seconds": 0.4, "operations": ["create_hold"], "count": 1})
    asking = asyncio.create_task(site.hold())
    # The test waits for the state in the database.
    while await site.run("SELECT count(*) FROM hold_history") == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await site.run("UPDATE hold_history SET state = 'denied', ended_at = now(), due_at = NULL, reason = 'not held'")
    assert (await asking).state is HoldState.DENIED
    for _ in range(200):
        if await site.trades("cancel_hold"):
            break
        await asyncio.sleep(0.02)
    assert await site.at_supplier(0) == "AVAILABLE"
    assert await site.run("SELECT due_at FROM hold_history") is None


async def test_late_response_for_expired_hold_is_applied(site: TradingSite) -> None:
    hold = await site.hold()
    await site.advance_time(2 * DAY)
    async with locked_diamond(site.database, hold.diamond_id) as connection:
        await hold_transitions.settle(connection, hold.id, SupplierHold("a late one"))
    (row,) = await site.rows("SELECT state, supplier_hold_id, due_at IS NOT NULL AS due FROM hold_history")
    assert row == {"state": "expired", "supplier_hold_id": "a late one", "due": True}
