"""Holds at the supplier that ours follow: an end that moves, and holds that only the account's list shows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest

from inventory.core.errors import OutcomeUnknown, SupplierError, SupplierUnavailable
from inventory.suppliers.ports import ItemStatus, OwnHold, SupplierTrading
from inventory.trading.settlement import Settlement
from inventory.trading.states import HoldState
from tests.integration.trading.market import Market

HOUR = timedelta(hours=1)


class Veiled:
    """The supplier, which shows no hold on a stone; its list of holds is `listed`, or its own."""

    def __init__(self, market: Market, listed: Any = "its own") -> None:
        self._supplier = market.supplier
        self._listed = listed
        self.lists = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._supplier, name)

    async def item_status(self, stone_id: str) -> ItemStatus | None:
        status = await self._supplier.item_status(stone_id)
        return None if status is None else msgspec.structs.replace(status, hold_id=None)

    async def own_holds(self) -> Sequence[OwnHold] | None:
        self.lists += 1
        if isinstance(self._listed, SupplierError):
            raise self._listed
        if self._listed == "its own":
            return await self._supplier.own_holds()
        return cast("Sequence[OwnHold] | None", self._listed)


def settlement(market: Market, supplier: object) -> Settlement:
    return Settlement(market.settings, market.database, cast("SupplierTrading", supplier))


async def lose(market: Market, *, executed: bool = True, number: int = 0) -> None:
    rule = {"kind": "status", "status": 500, "executed": True} if executed else {"kind": "status", "status": 503}
    await market.break_supplier({**rule, "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await market.hold(number)
    await market.mend_supplier()
    await market.pass_time(60)


async def held(market: Market) -> Any:
    """The open hold, whose ends are known."""
    return await market.hold()


async def extend(market: Market, hold_id: str, seconds: float) -> None:
    await market.control("POST", f"holds/{hold_id}/extend", {"seconds": seconds})


async def test_the_supplier_lists_our_holds_with_their_ends(market: Market) -> None:
    hold = await market.hold()
    listed = await market.supplier.own_holds()
    assert listed is not None
    (one,) = listed
    assert (one.id, one.stone_id, one.denied) == (hold.supplier_hold_id, market.stones[0]["id"], False)
    assert one.until
    assert hold.supplier_until
    assert abs(one.until - hold.supplier_until) < timedelta(seconds=1)


@pytest.mark.parametrize("executed", [True, False])
async def test_a_hold_of_unknown_outcome_is_found_in_the_accounts_list(market: Market, executed: bool) -> None:
    await lose(market, executed=executed)
    veiled = Veiled(market)
    assert await settlement(market, veiled).holds() == 1
    (row,) = await market.rows("SELECT state, supplier_hold_id, supplier_until FROM hold_history")
    assert row["state"] == ("active" if executed else "denied")
    assert (row["supplier_until"] is not None) == executed, "the list tells when it ends"


async def test_one_list_serves_a_whole_round(market: Market) -> None:
    for number in range(3):
        await lose(market, number=number)
    veiled = Veiled(market)
    assert await settlement(market, veiled).holds() == 3
    assert veiled.lists == 1


async def test_a_hold_that_was_denied_or_has_ended_is_not_taken_for_ours(market: Market) -> None:
    await lose(market, executed=False)
    now = await market.run("SELECT clock_timestamp()")
    stone = market.stones[0]["id"]
    listed = [
        OwnHold(id="denied", stone_id=stone, denied=True, until=now + HOUR),
        OwnHold(id="ended", stone_id=stone, denied=False, until=now - HOUR),
        OwnHold(id="of another", stone_id=market.stones[1]["id"], denied=False, until=now + HOUR),
        OwnHold(id="of no stone", stone_id=None, denied=False, until=None),
    ]
    await settlement(market, Veiled(market, listed)).holds()
    assert await market.run("SELECT state FROM hold_history") == "denied"


@pytest.mark.parametrize("listed", [None, SupplierError("no such field")])
async def test_without_a_list_the_stone_alone_decides(market: Market, listed: Any) -> None:
    await lose(market)
    await settlement(market, Veiled(market, listed)).holds()
    assert await market.run("SELECT state FROM hold_history") == "denied"


async def test_a_list_that_is_away_decides_nothing(market: Market) -> None:
    await lose(market)
    with pytest.raises(SupplierUnavailable):
        await settlement(market, Veiled(market, SupplierUnavailable())).holds()
    assert await market.run("SELECT state FROM hold_history") == "requested"


async def test_a_hold_that_was_never_settled_is_ended_by_the_list(market: Market) -> None:
    await lose(market)
    await market.pass_time(3600)
    found = settlement(market, Veiled(market))
    await market.break_supplier({"kind": "status", "status": 503})
    with pytest.raises(SupplierUnavailable):
        await found.holds()
    await market.mend_supplier()
    await market.pass_time(3600)
    await found.holds()
    assert await market.at_supplier(0) == "AVAILABLE"


# The end of a hold


async def short(market: Market, minutes: int | None = None) -> Any:
    """A hold that the supplier grants for an hour."""
    hold = await market.hold(minutes=minutes)
    await market.run(
        """UPDATE hold_history SET supplier_until = requested_at + interval '1 hour',
               expires_at = least(wanted_until, requested_at + interval '1 hour'),
               due_at = least(wanted_until, requested_at + interval '1 hour')"""
    )
    found = await held(market)
    assert found.id == hold.id
    return found


async def test_a_hold_that_the_supplier_extends_ends_later_as_far_as_it_was_wanted(market: Market) -> None:
    before = await short(market)
    assert await market.settlement.refresh() == 1
    after = await held(market)
    assert after.expires_at == before.wanted_until, "24 hours were wanted, and the supplier grants more"
    assert after.supplier_until > after.expires_at
    assert (await market.events())[-1] == "hold_extended"
    assert await market.settlement.refresh() == 0

    await extend(market, after.supplier_hold_id, 3600)
    assert await market.settlement.refresh() == 1
    again = await held(market)
    assert (again.expires_at, again.supplier_until - after.supplier_until) == (after.expires_at, HOUR)
    assert (await market.events()).count("hold_extended") == 1, "the client's end is the same"
    await market.pass_time(3700)
    await market.settlement.holds()
    assert (await held(market)).id == before.id, "it is not closed at the old end"


async def test_a_hold_that_was_wanted_for_less_does_not_become_longer(market: Market) -> None:
    before = await short(market, minutes=30)
    await market.settlement.refresh()
    after = await held(market)
    assert after.expires_at == before.expires_at
    longer: Any = await market.trading.holds.extend(after.id, "acme")
    assert longer.expires_at > before.expires_at + HOUR, "the supplier's new end allows more"


async def test_a_wish_that_the_supplier_did_not_allow_is_fulfilled_when_it_does(market: Market) -> None:
    hold = await short(market, minutes=30)
    limited: Any = await market.trading.holds.extend(hold.id, "acme", 600)
    assert limited.expires_at == limited.supplier_until
    await market.settlement.refresh()
    assert (await held(market)).expires_at > limited.expires_at + 8 * HOUR


async def test_a_hold_of_ours_does_not_shrink_when_the_suppliers_does(market: Market) -> None:
    hold = await held(market)
    assert hold.expires_at
    sooner = hold.expires_at - 10 * HOUR
    listed = [OwnHold(id=str(hold.supplier_hold_id), stone_id=None, denied=False, until=sooner)]
    assert await settlement(market, Veiled(market, listed)).refresh() == 1
    after = await held(market)
    assert (after.expires_at, after.supplier_until) == (hold.expires_at, sooner)
    assert (await market.events())[-1] == "hold_activated"
    assert await settlement(market, Veiled(market, listed)).refresh() == 0


@pytest.mark.parametrize("listed", [None, [], SupplierError("no")])
async def test_nothing_moves_where_the_list_says_nothing(market: Market, listed: Any) -> None:
    hold = await held(market)
    assert await settlement(market, Veiled(market, listed)).refresh() == 0
    assert await held(market) == hold


async def test_the_list_is_asked_for_only_while_something_is_held(market: Market) -> None:
    veiled = Veiled(market)
    assert await settlement(market, veiled).refresh() == 0
    hold = await held(market)
    await market.trading.holds.release(hold.id, "acme")
    assert await settlement(market, veiled).refresh() == 0
    assert veiled.lists == 0
    assert hold.state is HoldState.ACTIVE
