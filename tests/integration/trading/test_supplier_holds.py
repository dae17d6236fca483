"""Supplier holds: their changing ends, and holds that only the account's list shows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest

from inventory.core.errors import OutcomeUnknown, SupplierError, SupplierUnavailable
from inventory.suppliers.ports import ItemStatus, OwnHold, SupplierTrading
from inventory.trading.settlement import Settlement
from inventory.trading.states import HoldState
from tests.integration.trading.trading_site import TradingSite

HOUR = timedelta(hours=1)


class HoldHidingSupplier:
    """A supplier that shows no hold on a stone. Its list of holds is `listed`, or its own."""

    def __init__(self, site: TradingSite, listed: Any = "its own") -> None:
        self._supplier = site.supplier
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


def settlement(site: TradingSite, supplier: object) -> Settlement:
    return Settlement(site.settings, site.database, cast("SupplierTrading", supplier))


async def create_unknown_hold(site: TradingSite, *, executed: bool = True, number: int = 0) -> None:
    rule = {"kind": "status", "status": 500, "executed": True} if executed else {"kind": "status", "status": 503}
    await site.break_supplier({**rule, "operations": ["create_hold"]})
    with pytest.raises(OutcomeUnknown):
        await site.hold(number)
    await site.restore_supplier()
    await site.advance_time(60)


async def open_hold_of(site: TradingSite) -> Any:
    """The open hold with known ends."""
    return await site.hold()


async def extend(site: TradingSite, hold_id: str, seconds: float) -> None:
    await site.control("POST", f"holds/{hold_id}/extend", {"seconds": seconds})


async def test_supplier_lists_own_holds_with_ends(site: TradingSite) -> None:
    hold = await site.hold()
    listed = await site.supplier.own_holds()
    assert listed is not None
    (one,) = listed
    assert (one.id, one.stone_id, one.denied) == (hold.supplier_hold_id, site.stones[0]["id"], False)
    assert one.until
    assert hold.supplier_until
    assert abs(one.until - hold.supplier_until) < timedelta(seconds=1)


@pytest.mark.parametrize("executed", [True, False])
async def test_unknown_hold_is_found_in_account_list(site: TradingSite, executed: bool) -> None:
    await create_unknown_hold(site, executed=executed)
    veiled = HoldHidingSupplier(site)
    assert await settlement(site, veiled).holds() == 1
    (row,) = await site.rows("SELECT state, supplier_hold_id, supplier_until FROM hold_history")
    assert row["state"] == ("active" if executed else "denied")
    assert (row["supplier_until"] is not None) == executed, "the list tells when it ends"


async def test_one_list_is_used_for_all_holds_of_job(site: TradingSite) -> None:
    for number in range(3):
        await create_unknown_hold(site, number=number)
    veiled = HoldHidingSupplier(site)
    assert await settlement(site, veiled).holds() == 3
    assert veiled.lists == 1


async def test_denied_or_ended_hold_is_not_matched(site: TradingSite) -> None:
    await create_unknown_hold(site, executed=False)
    now = await site.run("SELECT clock_timestamp()")
    stone = site.stones[0]["id"]
    listed = [
        OwnHold(id="denied", stone_id=stone, denied=True, until=now + HOUR),
        OwnHold(id="ended", stone_id=stone, denied=False, until=now - HOUR),
        OwnHold(id="of another", stone_id=site.stones[1]["id"], denied=False, until=now + HOUR),
        OwnHold(id="of no stone", stone_id=None, denied=False, until=None),
    ]
    await settlement(site, HoldHidingSupplier(site, listed)).holds()
    assert await site.run("SELECT state FROM hold_history") == "denied"


@pytest.mark.parametrize("listed", [None, SupplierError("no such field")])
async def test_without_list_stone_state_decides(site: TradingSite, listed: Any) -> None:
    await create_unknown_hold(site)
    await settlement(site, HoldHidingSupplier(site, listed)).holds()
    assert await site.run("SELECT state FROM hold_history") == "denied"


async def test_unavailable_list_decides_nothing(site: TradingSite) -> None:
    await create_unknown_hold(site)
    with pytest.raises(SupplierUnavailable):
        await settlement(site, HoldHidingSupplier(site, SupplierUnavailable())).holds()
    assert await site.run("SELECT state FROM hold_history") == "requested"


async def test_unsettled_hold_in_list_is_released(site: TradingSite) -> None:
    await create_unknown_hold(site)
    await site.advance_time(3600)
    found = settlement(site, HoldHidingSupplier(site))
    await site.break_supplier({"kind": "status", "status": 503})
    with pytest.raises(SupplierUnavailable):
        await found.holds()
    await site.restore_supplier()
    await site.advance_time(3600)
    await found.holds()
    assert await site.at_supplier(0) == "AVAILABLE"


# The end of a hold


async def create_short_hold(site: TradingSite, minutes: int | None = None) -> Any:
    """A hold that the supplier grants for an hour."""
    hold = await site.hold(minutes=minutes)
    await site.run(
        """UPDATE hold_history SET supplier_until = requested_at + interval '1 hour',
               expires_at = least(wanted_until, requested_at + interval '1 hour'),
               due_at = least(wanted_until, requested_at + interval '1 hour')"""
    )
    found = await open_hold_of(site)
    assert found.id == hold.id
    return found


async def test_hold_is_extended_to_requested_end_when_supplier_extends(site: TradingSite) -> None:
    before = await create_short_hold(site)
    assert await site.settlement.refresh() == 1
    after = await open_hold_of(site)
    assert after.expires_at == before.wanted_until, "24 hours were wanted, and the supplier grants more"
    assert after.supplier_until > after.expires_at
    assert (await site.events())[-1] == "hold_extended"
    assert await site.settlement.refresh() == 0

    await extend(site, after.supplier_hold_id, 3600)
    assert await site.settlement.refresh() == 1
    again = await open_hold_of(site)
    assert (again.expires_at, again.supplier_until - after.supplier_until) == (after.expires_at, HOUR)
    assert (await site.events()).count("hold_extended") == 1, "the client's end is the same"
    await site.advance_time(3700)
    await site.settlement.holds()
    assert (await open_hold_of(site)).id == before.id, "it is not closed at the old end"


async def test_shorter_requested_hold_is_not_extended(site: TradingSite) -> None:
    before = await create_short_hold(site, minutes=30)
    await site.settlement.refresh()
    after = await open_hold_of(site)
    assert after.expires_at == before.expires_at
    longer: Any = await site.trading.holds.extend(after.id, "acme")
    assert longer.expires_at > before.expires_at + HOUR, "the supplier's new end allows more"


async def test_rejected_extension_is_applied_when_supplier_allows_it(site: TradingSite) -> None:
    hold = await create_short_hold(site, minutes=30)
    limited: Any = await site.trading.holds.extend(hold.id, "acme", 600)
    assert limited.expires_at == limited.supplier_until
    await site.settlement.refresh()
    assert (await open_hold_of(site)).expires_at > limited.expires_at + 8 * HOUR


async def test_hold_does_not_shrink_with_supplier_hold(site: TradingSite) -> None:
    hold = await open_hold_of(site)
    assert hold.expires_at
    sooner = hold.expires_at - 10 * HOUR
    listed = [OwnHold(id=str(hold.supplier_hold_id), stone_id=None, denied=False, until=sooner)]
    assert await settlement(site, HoldHidingSupplier(site, listed)).refresh() == 1
    after = await open_hold_of(site)
    assert (after.expires_at, after.supplier_until) == (hold.expires_at, sooner)
    assert (await site.events())[-1] == "hold_activated"
    assert await settlement(site, HoldHidingSupplier(site, listed)).refresh() == 0


@pytest.mark.parametrize("listed", [None, [], SupplierError("no")])
async def test_nothing_changes_without_end_in_list(site: TradingSite, listed: Any) -> None:
    hold = await open_hold_of(site)
    assert await settlement(site, HoldHidingSupplier(site, listed)).refresh() == 0
    assert await open_hold_of(site) == hold


async def test_list_is_requested_only_with_open_holds(site: TradingSite) -> None:
    veiled = HoldHidingSupplier(site)
    assert await settlement(site, veiled).refresh() == 0
    hold = await open_hold_of(site)
    await site.trading.holds.release(hold.id, "acme")
    assert await settlement(site, veiled).refresh() == 0
    assert veiled.lists == 0
    assert hold.state is HoldState.ACTIVE
