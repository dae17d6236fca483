"""Holds, one at a time: what they promise, when they end, and what the supplier hears of it."""

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
from tests.integration.trading.market import PRICE, Market

DAY = 24 * 3600


async def test_a_hold_keeps_the_stone_from_others_until_it_is_released(market: Market) -> None:
    hold = await market.hold()
    assert (hold.state, hold.client_id, hold.price_cents) == (HoldState.ACTIVE, "acme", PRICE)
    assert hold.expires_at
    assert hold.expires_at - hold.requested_at == timedelta(days=1), "the longest hold; the supplier's lasts longer"
    assert await market.availability() == "on_hold"
    assert await market.at_supplier(0) == "HOLD"
    with pytest.raises(AlreadyHeld) as caught:
        await market.hold(client="globex")
    assert caught.value.details == {"reason": "ALREADY_HELD", "until": hold.expires_at}

    released = await market.trading.holds.release(hold.id, "acme")
    assert released.state is HoldState.RELEASED
    assert await market.availability() == "available"
    second = await market.hold(client="globex")
    assert second.state is HoldState.ACTIVE
    assert await market.events() == [
        "hold_requested", "hold_activated", "hold_released", "hold_requested", "hold_activated",
    ]  # fmt: skip


async def test_asked_again_the_client_gets_its_open_hold_and_the_supplier_is_asked_once(market: Market) -> None:
    first = await market.hold()
    assert await market.hold(minutes=5) == first
    assert await market.asked("create_hold") == 1


async def test_a_hold_lasts_no_longer_than_was_asked_for_than_the_supplier_grants_or_than_anyone_may(
    market: Market,
) -> None:
    short = await market.hold(0, minutes=30)
    assert short.expires_at == short.wanted_until
    assert short.wanted_until - short.requested_at == timedelta(minutes=30)
    reservation = await market.trading.holds._reserve(market.ids[2], Holder("acme"), 60)
    until = reservation.hold.requested_at + timedelta(minutes=7)
    async with locked_diamond(market.database, market.ids[2]) as connection:
        granted = await hold_transitions.settle(connection, reservation.hold.id, SupplierHold("a short one", until))
    assert granted.expires_at == until
    for minutes in (0, -5, 24 * 60 + 1):
        with pytest.raises(ValidationFailed) as caught:
            await market.hold(1, minutes=minutes)
        assert list(caught.value.details) == ["minutes"]


async def test_an_expired_hold_is_over_the_instant_its_time_has_come_sweeper_or_no_sweeper(market: Market) -> None:
    hold = await market.hold()
    await market.pass_time(DAY - 5)
    assert await market.availability() == "on_hold"
    await market.pass_time(5)
    assert await market.availability() == "available"
    assert (await market.trading.records.holds([hold.id]))[hold.id].state is HoldState.EXPIRED
    second = await market.hold(client="globex")
    assert second.state is HoldState.ACTIVE
    assert await market.run("SELECT state FROM hold_history WHERE id = $1", hold.id) == "expired"
    assert await market.events() == [
        "hold_requested", "hold_activated", "hold_expired", "hold_requested", "hold_activated",
    ]  # fmt: skip


async def test_a_hold_is_extended_as_far_as_the_supplier_and_the_longest_hold_allow(market: Market) -> None:
    hold = await market.hold(minutes=10)
    longer = await market.trading.holds.extend(hold.id, "acme", 30)
    assert longer.expires_at
    assert hold.expires_at
    assert timedelta(minutes=19) < longer.expires_at - hold.expires_at < timedelta(minutes=21)
    assert await market.trading.holds.extend(hold.id, "acme", 5) == longer, "never shorter"
    longest = await market.trading.holds.extend(hold.id, "acme")
    assert longest.expires_at == hold.requested_at + timedelta(days=1)
    with pytest.raises(HoldNotExtendable):
        await market.trading.holds.extend(hold.id, "acme")
    await market.run("UPDATE hold_history SET expires_at = requested_at + interval '1 hour'")
    await market.run("UPDATE hold_history SET supplier_until = requested_at + interval '2 hours'")
    capped = await market.trading.holds.extend(hold.id, "acme", 600)
    assert capped.expires_at == hold.requested_at + timedelta(hours=2)
    assert (await market.events()).count("hold_extended") == 3


async def test_only_its_client_extends_or_releases_a_hold(market: Market) -> None:
    hold = await market.hold()
    for attempt in (market.trading.holds.extend(hold.id, "globex"), market.trading.holds.release(hold.id, "globex")):
        with pytest.raises(NotFound):
            await attempt
    assert await market.availability() == "on_hold"


async def test_what_is_over_can_not_be_extended_and_released_only_without_effect(market: Market) -> None:
    hold = await market.hold()
    await market.pass_time(2 * DAY)
    with pytest.raises(HoldOver):
        await market.trading.holds.extend(hold.id, "acme")
    assert (await market.trading.holds.release(hold.id, "acme")).state is HoldState.EXPIRED
    second = await market.hold()
    assert second.id != hold.id
    for _ in range(2):
        assert (await market.trading.holds.release(second.id, "acme")).state is HoldState.RELEASED
    assert (await market.events()).count("hold_released") == 1


async def test_a_client_holds_no_more_stones_than_it_may(market: Market) -> None:
    most = market.settings.trading.holds_per_client
    holds = [await market.hold(number) for number in range(most)]
    with pytest.raises(HoldLimitReached) as caught:
        await market.hold(most)
    assert caught.value.details["limit"] == most
    assert (await market.hold(most, client="globex")).state is HoldState.ACTIVE
    await market.trading.holds.release(holds[0].id, "acme")
    assert (await market.hold(most + 1)).state is HoldState.ACTIVE
    await market.pass_time(2 * DAY)
    assert (await market.hold(most + 2)).state is HoldState.ACTIVE, "what is over by time does not count"


async def test_what_the_supplier_denies_is_denied_and_the_stone_is_free_for_whoever_asks_next(market: Market) -> None:
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "SOLD"}})
    hold = await market.hold()
    assert (hold.state, hold.reason) == (HoldState.DENIED, "denied")
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "AVAILABLE"}})
    assert (await market.hold(client="globex")).state is HoldState.ACTIVE
    assert (await market.events())[:2] == ["hold_requested", "hold_denied"]


@pytest.mark.parametrize("word", ["on_hold", "sold", "unavailable"])
async def test_what_the_supplier_does_not_offer_is_not_even_asked_for(market: Market, word: str) -> None:
    await market.sync(availability=word)
    with pytest.raises(NotAvailable) as caught:
        await market.hold()
    assert caught.value.details == {"reason": "NOT_AVAILABLE", "availability": word}
    assert await market.asked("create_hold") == 0


async def test_a_stone_that_is_gone_is_not_found(market: Market) -> None:
    await market.sync(status="quarantined")
    with pytest.raises(NotFound):
        await market.hold()


async def test_a_supplier_who_can_not_be_reached_leaves_no_hold(market: Market) -> None:
    await market.break_supplier({"kind": "status", "status": 429, "operations": ["create_hold"]})
    with pytest.raises(SupplierError) as caught:
        await market.hold()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert await market.availability() == "available"
    assert await market.run("SELECT reason FROM hold_history") == "unreached"
    await market.mend_supplier()
    assert (await market.hold()).state is HoldState.ACTIVE


async def test_a_release_that_fails_at_the_supplier_is_made_up_for_before_the_next_hold(market: Market) -> None:
    hold = await market.hold()
    await market.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"], "count": 1})
    await market.trading.holds.release(hold.id, "acme")
    while await market.asked("cancel_hold") == 0:
        await market.availability()
    await market.mend_supplier()
    assert await market.availability() == "available"
    second = await market.hold(client="globex")
    assert second.state is HoldState.ACTIVE
    assert len(await market.trades("cancel_hold")) == 1
    assert await market.run("SELECT count(*) FROM hold_history WHERE state = 'released' AND due_at IS NOT NULL") == 0


async def test_a_hold_is_not_asked_for_while_the_old_one_can_not_be_ended(market: Market) -> None:
    hold = await market.hold()
    await market.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    await market.trading.holds.release(hold.id, "acme")
    with pytest.raises(SupplierError) as caught:
        await market.hold(client="globex")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert await market.asked("create_hold") == 1
    assert await market.availability() == "available"


async def test_a_process_that_stands_still_with_a_stone_locked_does_not_keep_it_from_others(market: Market) -> None:
    stuck = await asyncpg.connect(market.settings.database.need("url"), server_settings={"search_path": "inventory"})
    try:
        await stuck.execute("BEGIN")
        await locks.lock(stuck, market.ids[0], "globex", idle_seconds=0.3)
        assert (await market.hold()).state is HoldState.ACTIVE
    finally:
        stuck.terminate()
    idle = await market.run("SHOW idle_in_transaction_session_timeout")
    assert idle == "0", "other transactions take their time"
