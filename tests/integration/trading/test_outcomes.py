"""Recorded outcomes of purchases: the supplier's confirmation or decline, once, and reminders without one."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app as commands
from app.commands.purchases import app as purchases
from inventory.core import logging
from inventory.core.errors import NotFound, ValidationFailed
from inventory.trading.errors import NotAvailable, PurchaseDeclined, PurchaseSettled
from inventory.trading.models import Purchase
from inventory.trading.outcomes import Outcome
from inventory.trading.purchase_errors import purchase_error
from inventory.trading.settlement import Settlement
from inventory.trading.states import HoldState, PurchaseState
from tests.environment import environment_of
from tests.integration.trading.trading_site import TradingSite

HOUR = 3600
WHO: dict[str, Any] = {"who": "olga", "reason": "e-mail of today"}


async def unknown(site: TradingSite, number: int = 0, key: str = "1") -> Purchase:
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    purchase = await site.buy(number, key=key)
    await site.restore_supplier()
    return purchase


async def test_accepted_order_is_confirmed_once(site: TradingSite) -> None:
    ordered = await site.buy()
    assert (ordered.state, ordered.ended_at) == (PurchaseState.ORDERED, None)
    confirmed = await site.trading.outcomes.confirm(ordered.id, order_id="N-1", **WHO)
    assert (confirmed.state, confirmed.ordered_at) == (PurchaseState.CONFIRMED, ordered.ordered_at)
    assert (confirmed.answered_by, confirmed.answer_reason, confirmed.supplier_order_id) == (
        "olga", "e-mail of today", "N-1",
    )  # fmt: skip
    assert confirmed.ended_at
    assert await site.trading.outcomes.confirm(ordered.id, who="otto", reason="again") == confirmed
    assert await site.buy() == confirmed
    assert await site.availability() == "sold"
    assert await site.events() == ["purchase_pending", "purchase_ordered", "purchase_confirmed"]


@pytest.mark.parametrize("confirmed_before", [False, True])
async def test_declined_order_frees_stone_after_next_sync_only(site: TradingSite, confirmed_before: bool) -> None:
    ordered = await site.buy()
    if confirmed_before:
        await site.trading.outcomes.confirm(ordered.id, **WHO)
    declined = await site.trading.outcomes.decline(ordered.id, **WHO)
    assert declined.state is PurchaseState.DECLINED
    assert await site.trading.outcomes.decline(ordered.id, who="otto", reason="again") == declined
    assert isinstance(purchase_error(await site.buy()), PurchaseDeclined)
    assert await site.run("SELECT availability FROM diamonds WHERE id = $1", site.ids[0]) == "available"
    assert await site.settlement.declined() == 0
    assert await site.availability() == "unavailable", "the supplier's last word is older than the order"
    for attempt in (site.hold(), site.buy(key="2"), site.buy(client="globex")):
        with pytest.raises(NotAvailable) as caught:
            await attempt
        assert caught.value.details["availability"] == "unavailable"
    assert await site.received("create_order") == 1
    with pytest.raises(PurchaseSettled):
        await site.trading.outcomes.confirm(ordered.id, **WHO)
    assert (await site.events())[-1] == "purchase_declined"


async def test_declined_order_releases_remaining_supplier_hold(site: TradingSite) -> None:
    hold = await site.hold()
    ordered = await site.buy()
    await site.settlement.holds()
    assert await site.received("cancel_hold") == 0
    await site.trading.outcomes.decline(ordered.id, **WHO)
    await site.settlement.holds()
    assert await site.received("cancel_hold") == 1
    assert (await site.trading.records.holds([hold.id]))[hold.id].state is HoldState.PURCHASED
    assert await site.settlement.holds() == 0


async def test_outcome_is_recorded_in_allowed_states_only(site: TradingSite) -> None:
    outcomes = site.trading.outcomes
    doubtful = await unknown(site)
    for attempt in (outcomes.confirm(doubtful.id, **WHO), outcomes.decline(doubtful.id, **WHO)):
        with pytest.raises(PurchaseSettled, match="unknown"):
            await attempt
    confirmed = await outcomes.resolve(doubtful.id, Outcome.CONFIRMED, **WHO)
    assert confirmed.state is PurchaseState.CONFIRMED
    assert await outcomes.resolve(doubtful.id, Outcome.CONFIRMED, **WHO) == confirmed
    assert (await site.events())[-2:] == ["purchase_ordered", "purchase_confirmed"]
    failed = await outcomes.resolve((await unknown(site, 1, "2")).id, Outcome.FAILED, **WHO)
    for attempt in (
        outcomes.confirm(failed.id, **WHO),
        outcomes.decline(failed.id, **WHO),
        outcomes.resolve(failed.id, Outcome.ORDERED, **WHO),
    ):
        with pytest.raises(PurchaseSettled):
            await attempt
    with pytest.raises(NotFound):
        await outcomes.confirm(site.ids[0], **WHO)
    for wrong in ({"reason": "\xa0", "who": "olga"}, {"reason": "x", "who": " "}, {"reason": "x\x00", "who": "o"}):
        with pytest.raises(ValidationFailed):
            await outcomes.decline(confirmed.id, **wrong)


async def test_decline_wins_over_concurrent_confirmation(site: TradingSite) -> None:
    for number in range(4):
        ordered = await site.buy(number, key=str(number))
        await asyncio.gather(
            site.trading.outcomes.decline(ordered.id, **WHO),
            site.trading.outcomes.confirm(ordered.id, **WHO),
            return_exceptions=True,
        )
        (row,) = (await site.trading.records.purchases([ordered.id])).values()
        assert row.state is PurchaseState.DECLINED
        assert (await site.events(number))[-1] == "purchase_declined"


async def test_reminder_for_unanswered_order_is_sent_once(site: TradingSite) -> None:
    numbers = range(25)
    bought = [await site.buy(number, key=str(number)) for number in numbers]
    await site.trading.outcomes.confirm(bought[0].id, **WHO)
    await site.trading.outcomes.decline(bought[1].id, **WHO)
    await site.advance_time(47 * HOUR)
    assert await site.settlement.reminders() == 0
    await site.advance_time(2 * HOUR)
    assert sum(await asyncio.gather(*(site.settlement.reminders() for _ in range(3)))) == 23
    await site.advance_time(1000 * HOUR)
    assert await site.settlement.reminders() == 0, "once"
    alerts = await site.rows("SELECT kind, content FROM alerts")
    assert {alert["kind"] for alert in alerts} == {"purchases_unanswered"}
    text = str([alert["content"] for alert in alerts])
    assert str(bought[2].id) in text
    assert not {str(bought[0].id), str(bought[1].id)} & set(text.split("'"))
    assert sum(int(dict(map(tuple, alert["content"]["figures"]))["Orders"]) for alert in alerts) == 23


async def test_reminder_delay_is_setting(site: TradingSite) -> None:
    await site.buy()
    hasty = site.settings.with_values(trading_confirmation_hours=1.0)
    await site.advance_time(HOUR + 1)
    assert await Settlement(hasty, site.database, None).reminders() == 1


@pytest.fixture
def environment(site: TradingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(site.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIVODA_REQUESTS_PER_SECOND", "1000")
    # Its settings belong to the whole process.
    monkeypatch.setattr(logging, "configure", lambda *_: None)


async def command(*arguments: str) -> Any:
    """Run the command in a thread with its own event loop."""
    return await asyncio.to_thread(CliRunner().invoke, purchases, arguments)


async def answered(*arguments: str) -> Any:
    result = await command(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return document(result)


def document(result: Any) -> Any:
    """The JSON document at the end: the log is written to the same stream here."""
    lines = result.stdout.splitlines()
    start = max(number for number, line in enumerate(lines) if line in {"{", "["})
    return json.loads("\n".join(lines[start:]))


@pytest.mark.usefixtures("environment")
async def test_operators_record_outcomes_on_command_line(site: TradingSite) -> None:
    doubtful, ordered = await unknown(site), await site.buy(1, key="2")
    assert [one["id"] for one in await answered("list", "--state", "unknown")] == [str(doubtful.id)]
    given = ("--by", "olga", "--reason", "by phone")
    resolved = await answered("resolve", str(doubtful.id), "--outcome", "ordered", "--order-id", "7", *given)
    assert (resolved["state"], resolved["resolved_by"], resolved["supplier_order_id"]) == ("ordered", "olga", "7")
    confirmed = await answered("confirm", str(doubtful.id), *given)
    assert (confirmed["state"], confirmed["answered_by"]) == ("confirmed", "olga")
    declined = await answered("decline", str(ordered.id), "--reason", "by phone")
    assert (declined["state"], "@" in declined["answered_by"]) == ("declined", True)
    assert isinstance((await command("confirm", str(ordered.id), *given)).exception, PurchaseSettled)
    assert isinstance((await command("show", str(site.ids[0]))).exception, NotFound)
    for arguments in (("show", str(ordered.id)), ("list",)):
        shown = await command(*arguments)
        assert (shown.exit_code, "by phone" in shown.stdout) == (0, True)


@pytest.mark.usefixtures("environment")
async def test_operators_read_destinations_and_evidence_on_command_line(site: TradingSite) -> None:
    result = await asyncio.to_thread(CliRunner().invoke, commands, ["destinations", "--json"])
    assert [one["id"] for one in document(result)] == ["shop", "workshop"]
    shown = await asyncio.to_thread(CliRunner().invoke, commands, ["destinations"])
    assert "Hatton Garden" in shown.stdout
    await site.break_supplier({"kind": "status", "status": 500, "executed": True, "operations": ["create_order"]})
    lost = await site.buy()
    await site.restore_supplier()
    examined = await answered("examine", str(lost.id))
    assert (examined["state"], examined["order_item_before"]) == ("unknown", None)
    assert examined["order_item_seen"]
