"""Holds: guarantees, expiry, and requests to the supplier."""

from datetime import timedelta

import asyncpg
import pytest

from inventory.core.errors import NotFound, OutcomeUnknown, SupplierError, ValidationFailed
from inventory.suppliers.ports import SupplierHold
from inventory.trading import hold_transitions, locks
from inventory.trading.errors import AlreadyHeld, HoldLimitReached, HoldNotExtendable, HoldOver, NotAvailable
from inventory.trading.locks import locked_diamond
from inventory.trading.ownership import Holder
from inventory.trading.states import HoldState
from tests.integration.trading.trading_site import PRICE, TradingSite

DAY = 24 * 3600


async def test_hold_blocks_others_until_release(site: TradingSite) -> None:
    hold = await site.hold()
    assert (hold.state, hold.client_id, hold.price_cents) == (HoldState.ACTIVE, "acme", PRICE)
    assert hold.expires_at
    assert hold.expires_at - hold.requested_at == timedelta(days=1), "the longest hold; the supplier's lasts longer"
    assert await site.availability() == "on_hold"
    assert await site.at_supplier(0) == "HOLD"
    with pytest.raises(AlreadyHeld) as caught:
        await site.hold(client="globex")
    assert caught.value.details == {"reason": "ALREADY_HELD", "until": hold.expires_at}

    released = await site.trading.holds.release(hold.id, "acme")
    assert released.state is HoldState.RELEASED
    assert await site.availability() == "available"
    second = await site.hold(client="globex")
    assert second.state is HoldState.ACTIVE
    assert await site.events() == [
        "hold_requested", "hold_activated", "hold_released", "hold_requested", "hold_activated",
    ]  # fmt: skip


async def test_repeated_create_hold_returns_open_hold_without_supplier_call(site: TradingSite) -> None:
    first = await site.hold()
    assert await site.hold(minutes=5) == first
    assert await site.received("create_hold") == 1


async def test_hold_duration_is_limited_by_request_supplier_and_setting(
    site: TradingSite,
) -> None:
    short = await site.hold(0, minutes=30)
    assert short.expires_at == short.wanted_until
    assert short.wanted_until - short.requested_at == timedelta(minutes=30)
    reservation = await site.trading.holds._reserve(site.ids[2], Holder("acme"), 60)
    until = reservation.hold.requested_at + timedelta(minutes=7)
    async with locked_diamond(site.database, site.ids[2]) as connection:
        granted = await hold_transitions.settle(connection, reservation.hold.id, SupplierHold("a short one", until))
    assert granted.expires_at == until
    for minutes in (0, -5, 24 * 60 + 1):
        with pytest.raises(ValidationFailed) as caught:
            await site.hold(1, minutes=minutes)
        assert list(caught.value.details) == ["minutes"]


async def test_expired_hold_ends_at_its_instant_without_settlement_job(site: TradingSite) -> None:
    hold = await site.hold()
    await site.advance_time(DAY - 5)
    assert await site.availability() == "on_hold"
    await site.advance_time(5)
    assert await site.availability() == "available"
    assert (await site.trading.records.holds([hold.id]))[hold.id].state is HoldState.EXPIRED
    second = await site.hold(client="globex")
    assert second.state is HoldState.ACTIVE
    assert await site.run("SELECT state FROM hold_history WHERE id = $1", hold.id) == "expired"
    assert await site.events() == [
        "hold_requested", "hold_activated", "hold_expired", "hold_requested", "hold_activated",
    ]  # fmt: skip


async def test_hold_is_extended_up_to_limits_of_supplier_and_setting(site: TradingSite) -> None:
    hold = await site.hold(minutes=10)
    longer = await site.trading.holds.extend(hold.id, "acme", 30)
    assert longer.expires_at
    assert hold.expires_at
    assert timedelta(minutes=19) < longer.expires_at - hold.expires_at < timedelta(minutes=21)
    assert await site.trading.holds.extend(hold.id, "acme", 5) == longer, "never shorter"
    longest = await site.trading.holds.extend(hold.id, "acme")
    assert longest.expires_at == hold.requested_at + timedelta(days=1)
    with pytest.raises(HoldNotExtendable):
        await site.trading.holds.extend(hold.id, "acme")
    await site.run("UPDATE hold_history SET expires_at = requested_at + interval '1 hour'")
    await site.run("UPDATE hold_history SET supplier_until = requested_at + interval '2 hours'")
    capped = await site.trading.holds.extend(hold.id, "acme", 600)
    assert capped.expires_at == hold.requested_at + timedelta(hours=2)
    assert (await site.events()).count("hold_extended") == 3


async def test_only_holder_extends_or_releases_hold(site: TradingSite) -> None:
    hold = await site.hold()
    for attempt in (site.trading.holds.extend(hold.id, "globex"), site.trading.holds.release(hold.id, "globex")):
        with pytest.raises(NotFound):
            await attempt
    assert await site.availability() == "on_hold"


async def test_ended_hold_is_not_extended_and_release_has_no_effect(site: TradingSite) -> None:
    hold = await site.hold()
    await site.advance_time(2 * DAY)
    with pytest.raises(HoldOver):
        await site.trading.holds.extend(hold.id, "acme")
    assert (await site.trading.holds.release(hold.id, "acme")).state is HoldState.EXPIRED
    second = await site.hold()
    assert second.id != hold.id
    for _ in range(2):
        assert (await site.trading.holds.release(second.id, "acme")).state is HoldState.RELEASED
    assert (await site.events()).count("hold_released") == 1


async def test_number_of_holds_per_client_is_limited(site: TradingSite) -> None:
    most = site.settings.trading.holds_per_client
    holds = [await site.hold(number) for number in range(most)]
    with pytest.raises(HoldLimitReached) as caught:
        await site.hold(most)
    assert caught.value.details["limit"] == most
    assert (await site.hold(most, client="globex")).state is HoldState.ACTIVE
    await site.trading.holds.release(holds[0].id, "acme")
    assert (await site.hold(most + 1)).state is HoldState.ACTIVE
    await site.advance_time(2 * DAY)
    assert (await site.hold(most + 2)).state is HoldState.ACTIVE, "what is over by time does not count"


async def test_hold_denied_by_supplier_leaves_stone_available(site: TradingSite) -> None:
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "SOLD"}})
    hold = await site.hold()
    assert (hold.state, hold.reason) == (HoldState.DENIED, "denied")
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "AVAILABLE"}})
    assert (await site.hold(client="globex")).state is HoldState.ACTIVE
    assert (await site.events())[:2] == ["hold_requested", "hold_denied"]


@pytest.mark.parametrize("word", ["on_hold", "sold", "unavailable"])
async def test_unavailable_stone_is_not_requested_from_supplier(site: TradingSite, word: str) -> None:
    await site.sync(availability=word)
    with pytest.raises(NotAvailable) as caught:
        await site.hold()
    assert caught.value.details == {"reason": "NOT_AVAILABLE", "availability": word}
    assert await site.received("create_hold") == 0


async def test_removed_stone_is_not_found(site: TradingSite) -> None:
    await site.sync(status="quarantined")
    with pytest.raises(NotFound):
        await site.hold()


async def test_unreachable_supplier_leaves_no_hold(site: TradingSite) -> None:
    await site.break_supplier({"kind": "status", "status": 429, "operations": ["create_hold"]})
    with pytest.raises(SupplierError) as caught:
        await site.hold()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert await site.availability() == "available"
    assert await site.run("SELECT reason FROM hold_history") == "unreached"
    await site.restore_supplier()
    assert (await site.hold()).state is HoldState.ACTIVE


async def test_failed_release_is_repeated_before_next_hold(site: TradingSite) -> None:
    hold = await site.hold()
    await site.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"], "count": 1})
    await site.trading.holds.release(hold.id, "acme")
    while await site.received("cancel_hold") == 0:
        await site.availability()
    await site.restore_supplier()
    assert await site.availability() == "available"
    second = await site.hold(client="globex")
    assert second.state is HoldState.ACTIVE
    assert len(await site.trades("cancel_hold")) == 1
    assert await site.run("SELECT count(*) FROM hold_history WHERE state = 'released' AND due_at IS NOT NULL") == 0


async def test_hold_is_not_requested_while_old_one_cannot_be_released(site: TradingSite) -> None:
    hold = await site.hold()
    await site.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    await site.trading.holds.release(hold.id, "acme")
    with pytest.raises(SupplierError) as caught:
        await site.hold(client="globex")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert await site.received("create_hold") == 1
    assert await site.availability() == "available"


async def test_stopped_process_does_not_block_its_locked_stone(site: TradingSite) -> None:
    stuck = await asyncpg.connect(site.settings.database.need("url"), server_settings={"search_path": "inventory"})
    try:
        await stuck.execute("BEGIN")
        await locks.lock(stuck, site.ids[0], "globex", idle_seconds=0.3)
        assert (await site.hold()).state is HoldState.ACTIVE
    finally:
        stuck.terminate()
    idle = await site.run("SHOW idle_in_transaction_session_timeout")
    assert idle == "0", "other transactions take their time"
