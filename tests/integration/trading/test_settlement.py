"""The jobs of trading: what was left to be done is done, twice does no harm, and no stone is held for ever."""

import asyncio
from typing import Any

import pytest

from inventory.core.errors import OutcomeUnknown, SupplierUnavailable
from inventory.suppliers.ports import SupplierHold
from inventory.trading import hold_transitions
from inventory.trading.locks import locked_diamond
from inventory.trading.states import HoldState
from tests.integration.trading.market import Market

DAY = 24 * 3600
LOST: dict[str, dict[str, Any]] = {
    "executed": {"kind": "status", "status": 500, "executed": True},
    "not executed": {"kind": "status", "status": 503},
    "reset": {"kind": "reset"},
    "stall": {"kind": "stall", "seconds": 20},
    "half an answer": {"kind": "truncate"},
}


async def lose(market: Market, name: str = "executed", number: int = 0) -> None:
    """A hold whose answer got lost."""
    await market.break_supplier({**LOST[name], "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await market.hold(number)
    await market.mend_supplier()


@pytest.mark.parametrize("name", LOST)
async def test_a_lost_answer_leaves_the_stone_reserved_until_the_job_has_found_out(market: Market, name: str) -> None:
    await lose(market, name)
    assert await market.availability() == "on_hold"
    with pytest.raises(OutcomeUnknown):
        await market.hold()
    assert await market.settlement.holds() == 0, "the answer may still come"
    await market.pass_time(60)
    assert [await market.settlement.holds() for _ in range(2)] == [1, 0]
    granted = name != "not executed"
    (row,) = await market.rows("SELECT state, reason, supplier_hold_id FROM hold_history")
    if granted:
        (trade,) = await market.trades("create_hold")
        assert row == {"state": "active", "reason": None, "supplier_hold_id": trade["answer"]["id"]}
        assert (await market.hold()).state is HoldState.ACTIVE
    else:
        assert row == {"state": "denied", "reason": "not held", "supplier_hold_id": None}
    assert await market.availability() == ("on_hold" if granted else "available")
    assert await market.asked("create_hold") == 1
    assert await market.events() == ["hold_requested", "hold_activated" if granted else "hold_denied"]


async def test_a_hold_that_the_job_found_is_ended_at_the_supplier_when_it_ends_here(market: Market) -> None:
    await lose(market)
    await market.pass_time(60)
    await market.settlement.holds()
    hold = await market.hold()
    await market.trading.holds.release(hold.id, "acme")
    await market.settlement.holds()
    assert await market.at_supplier(0) == "AVAILABLE"


async def test_a_request_never_blocks_a_stone_for_ever_though_the_supplier_is_never_back(market: Market) -> None:
    await lose(market)
    await market.break_supplier({"kind": "status", "status": 503})
    await market.pass_time(3600)
    assert await market.availability() == "available"
    with pytest.raises(SupplierUnavailable):
        await market.settlement.holds()
    (row,) = await market.rows("SELECT state, reason FROM hold_history")
    assert row == {"state": "denied", "reason": "never settled"}
    await market.mend_supplier()
    await market.pass_time(3600)
    await market.settlement.holds()
    assert await market.at_supplier(0) == "AVAILABLE", "what the supplier had granted is not kept from others"
    assert await market.settlement.holds() == 0


async def test_what_could_not_be_tried_because_the_supplier_was_away_keeps_its_turn(market: Market) -> None:
    for number in range(3):
        await lose(market, number=number)
    await market.break_supplier({"kind": "status", "status": 503})
    await market.pass_time(60)
    with pytest.raises(SupplierUnavailable):
        await market.settlement.holds()
    attempts = await market.rows("SELECT attempts FROM hold_history ORDER BY attempts")
    assert [row["attempts"] for row in attempts] == [0, 0, 1]
    await market.mend_supplier()
    assert await market.settlement.holds() == 2
    states = await market.rows("SELECT state FROM hold_history ORDER BY attempts, state")
    assert [row["state"] for row in states] == ["active", "active", "requested"]


async def test_a_hold_that_is_found_when_its_time_is_over_begins_and_ends_once(market: Market) -> None:
    await market.break_supplier({**LOST["executed"], "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await market.hold(minutes=1)
    await market.mend_supplier()
    await market.pass_time(90)
    while await market.settlement.holds():
        pass
    assert await market.events() == ["hold_requested", "hold_activated", "hold_expired"]
    assert await market.availability() == "available"
    assert await market.at_supplier(0) == "AVAILABLE"


async def test_whoever_asks_next_ends_what_was_never_settled_first(market: Market) -> None:
    await lose(market)
    await market.pass_time(3600)
    hold = await market.hold(client="globex")
    assert hold.state is HoldState.ACTIVE
    assert len(await market.trades("create_hold")) == 2
    assert len(await market.trades("cancel_hold")) == 1


async def test_the_job_does_not_take_a_hold_that_is_just_granted_for_an_old_one(market: Market) -> None:
    """It looks for what may be left of acme's, and sees what globex is about to be told of."""
    await lose(market, "not executed")
    await market.pass_time(3600)
    await market.break_supplier({"kind": "status", "status": 503})
    with pytest.raises(SupplierUnavailable):
        await market.settlement.holds()
    await market.break_supplier({**LOST["executed"], "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await market.hold(client="globex")
    await market.mend_supplier()
    await market.run("UPDATE hold_history SET due_at = now() WHERE client_id = 'acme'")  # claimed before globex came
    assert await market.settlement.holds() == 1
    assert await market.at_supplier(0) == "HOLD"
    await market.pass_time(60)
    await market.settlement.holds()
    assert await market.rows("SELECT client_id, state FROM hold_history ORDER BY requested_at") == [
        {"client_id": "acme", "state": "denied"},
        {"client_id": "globex", "state": "active"},
    ]
    assert await market.at_supplier(0) == "HOLD"
    await market.pass_time(3600)
    await market.settlement.holds()
    assert await market.run("SELECT count(*) FROM hold_history WHERE ended_at IS NOT NULL AND due_at IS NOT NULL") == 0


async def test_the_mirror_of_a_hold_that_was_never_settled_is_known_when_that_is_ended(market: Market) -> None:
    await lose(market)
    await market.sync_truth()
    await market.pass_time(3600)
    await market.break_supplier({"kind": "status", "status": 503})
    with pytest.raises(SupplierUnavailable):
        await market.settlement.holds()
    assert await market.availability() == "on_hold", "nobody knows whose hold the supplier speaks of"
    await market.mend_supplier()
    await market.pass_time(3600)
    assert await market.settlement.holds() == 1
    assert await market.at_supplier(0) == "AVAILABLE"
    assert await market.availability() == "available", "though the feed is late"


async def test_the_end_of_a_hold_becomes_an_event_and_the_suppliers_longer_hold_ends_too(market: Market) -> None:
    await market.hold()
    assert await market.settlement.holds() == 0
    await market.pass_time(DAY + 1)
    assert await market.events() == ["hold_requested", "hold_activated"]
    assert [await market.settlement.holds() for _ in range(2)] == [2, 0]
    assert await market.events() == ["hold_requested", "hold_activated", "hold_expired"]
    assert await market.at_supplier(0) == "AVAILABLE"


async def test_an_extended_hold_is_closed_at_its_new_end(market: Market) -> None:
    hold = await market.hold(minutes=10)
    await market.trading.holds.extend(hold.id, "acme", 60)
    await market.pass_time(1200)
    assert await market.settlement.holds() == 0
    assert await market.availability() == "on_hold"
    await market.pass_time(3600)
    await market.settlement.holds()
    assert await market.run("SELECT state FROM hold_history") == "expired"


async def test_a_release_that_failed_is_tried_again_until_it_works(market: Market) -> None:
    hold = await market.hold()
    await market.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    await market.trading.holds.release(hold.id, "acme")
    await market.pass_time(1)
    with pytest.raises(SupplierUnavailable):
        await market.settlement.holds()
    assert await market.settlement.holds() == 0, "not at once again"
    await market.mend_supplier()
    await market.pass_time(120)
    assert [await market.settlement.holds() for _ in range(2)] == [1, 0]
    assert await market.at_supplier(0) == "AVAILABLE"


async def test_any_number_of_processes_settle_at_once_and_each_thing_is_done_once(market: Market) -> None:
    for number in range(6):
        await market.hold(number)
    await market.pass_time(DAY + 1)
    await asyncio.gather(*(market.settlement.holds() for _ in range(5)))
    for number in range(6):
        assert await market.events(number) == ["hold_requested", "hold_activated", "hold_expired"]
    assert len(await market.trades("cancel_hold")) == 6


async def test_an_answer_that_comes_too_late_is_not_lost(market: Market) -> None:
    """The job found nothing and gave the request up; then the supplier grants it after all."""
    await market.break_supplier({"kind": "stall", "seconds": 0.4, "operations": ["create_hold"], "count": 1})
    asking = asyncio.create_task(market.hold())
    # What is waited for stands in the database.
    while await market.run("SELECT count(*) FROM hold_history") == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await market.run("UPDATE hold_history SET state = 'denied', ended_at = now(), due_at = NULL, reason = 'not held'")
    assert (await asking).state is HoldState.DENIED
    for _ in range(200):
        if await market.trades("cancel_hold"):
            break
        await asyncio.sleep(0.02)
    assert await market.at_supplier(0) == "AVAILABLE"
    assert await market.run("SELECT due_at FROM hold_history") is None


async def test_an_answer_for_a_hold_that_is_over_by_time_alone_is_not_lost_either(market: Market) -> None:
    hold = await market.hold()
    await market.pass_time(2 * DAY)
    async with locked_diamond(market.database, hold.diamond_id) as connection:
        await hold_transitions.settle(connection, hold.id, SupplierHold("a late one"))
    (row,) = await market.rows("SELECT state, supplier_hold_id, due_at IS NOT NULL AS due FROM hold_history")
    assert row == {"state": "expired", "supplier_hold_id": "a late one", "due": True}
