"""What operators record about purchases: the supplier's confirmation or decline, once, and reminders where neither comes."""

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
from tests.integration.trading.market import Market

HOUR = 3600
WHO: dict[str, Any] = {"who": "olga", "reason": "e-mail of today"}


async def unknown(market: Market, number: int = 0, key: str = "1") -> Purchase:
    await market.break_supplier({"kind": "reset", "operations": ["create_order"]})
    purchase = await market.buy(number, key=key)
    await market.mend_supplier()
    return purchase


async def test_an_accepted_order_becomes_confirmed_once(market: Market) -> None:
    ordered = await market.buy()
    assert (ordered.state, ordered.ended_at) == (PurchaseState.ORDERED, None)
    confirmed = await market.trading.outcomes.confirm(ordered.id, order_id="N-1", **WHO)
    assert (confirmed.state, confirmed.ordered_at) == (PurchaseState.CONFIRMED, ordered.ordered_at)
    assert (confirmed.answered_by, confirmed.answer_reason, confirmed.supplier_order_id) == (
        "olga", "e-mail of today", "N-1",
    )  # fmt: skip
    assert confirmed.ended_at
    assert await market.trading.outcomes.confirm(ordered.id, who="otto", reason="again") == confirmed
    assert await market.buy() == confirmed
    assert await market.availability() == "sold"
    assert await market.events() == ["purchase_pending", "purchase_ordered", "purchase_confirmed"]


@pytest.mark.parametrize("confirmed_before", [False, True])
async def test_a_declined_order_frees_nothing_until_a_sync_has_read_the_stone(
    market: Market, confirmed_before: bool
) -> None:
    ordered = await market.buy()
    if confirmed_before:
        await market.trading.outcomes.confirm(ordered.id, **WHO)
    declined = await market.trading.outcomes.decline(ordered.id, **WHO)
    assert declined.state is PurchaseState.DECLINED
    assert await market.trading.outcomes.decline(ordered.id, who="otto", reason="again") == declined
    assert isinstance(purchase_error(await market.buy()), PurchaseDeclined)
    assert await market.run("SELECT availability FROM diamonds WHERE id = $1", market.ids[0]) == "available"
    assert await market.settlement.declined() == 0
    assert await market.availability() == "unavailable", "the supplier's last word is older than the order"
    for attempt in (market.hold(), market.buy(key="2"), market.buy(client="globex")):
        with pytest.raises(NotAvailable) as caught:
            await attempt
        assert caught.value.details["availability"] == "unavailable"
    assert await market.asked("create_order") == 1
    with pytest.raises(PurchaseSettled):
        await market.trading.outcomes.confirm(ordered.id, **WHO)
    assert (await market.events())[-1] == "purchase_declined"


async def test_a_declined_order_ends_what_the_supplier_may_still_hold(market: Market) -> None:
    hold = await market.hold()
    ordered = await market.buy()
    await market.settlement.holds()
    assert await market.asked("cancel_hold") == 0
    await market.trading.outcomes.decline(ordered.id, **WHO)
    await market.settlement.holds()
    assert await market.asked("cancel_hold") == 1
    assert (await market.trading.records.holds([hold.id]))[hold.id].state is HoldState.PURCHASED
    assert await market.settlement.holds() == 0


async def test_an_outcome_is_recorded_only_where_the_state_allows_it(market: Market) -> None:
    outcomes = market.trading.outcomes
    doubtful = await unknown(market)
    for attempt in (outcomes.confirm(doubtful.id, **WHO), outcomes.decline(doubtful.id, **WHO)):
        with pytest.raises(PurchaseSettled, match="unknown"):
            await attempt
    confirmed = await outcomes.resolve(doubtful.id, Outcome.CONFIRMED, **WHO)
    assert confirmed.state is PurchaseState.CONFIRMED
    assert await outcomes.resolve(doubtful.id, Outcome.CONFIRMED, **WHO) == confirmed
    assert (await market.events())[-2:] == ["purchase_ordered", "purchase_confirmed"]
    failed = await outcomes.resolve((await unknown(market, 1, "2")).id, Outcome.FAILED, **WHO)
    for attempt in (
        outcomes.confirm(failed.id, **WHO),
        outcomes.decline(failed.id, **WHO),
        outcomes.resolve(failed.id, Outcome.ORDERED, **WHO),
    ):
        with pytest.raises(PurchaseSettled):
            await attempt
    with pytest.raises(NotFound):
        await outcomes.confirm(market.ids[0], **WHO)
    for wrong in ({"reason": "\xa0", "who": "olga"}, {"reason": "x", "who": " "}, {"reason": "x\x00", "who": "o"}):
        with pytest.raises(ValidationFailed):
            await outcomes.decline(confirmed.id, **wrong)


async def test_of_a_confirmation_and_a_decline_at_once_the_decline_stays(market: Market) -> None:
    for number in range(4):
        ordered = await market.buy(number, key=str(number))
        await asyncio.gather(
            market.trading.outcomes.decline(ordered.id, **WHO),
            market.trading.outcomes.confirm(ordered.id, **WHO),
            return_exceptions=True,
        )
        (row,) = (await market.trading.records.purchases([ordered.id])).values()
        assert row.state is PurchaseState.DECLINED
        assert (await market.events(number))[-1] == "purchase_declined"


async def test_a_reminder_is_sent_once_for_orders_without_an_answer(market: Market) -> None:
    numbers = range(25)
    bought = [await market.buy(number, key=str(number)) for number in numbers]
    await market.trading.outcomes.confirm(bought[0].id, **WHO)
    await market.trading.outcomes.decline(bought[1].id, **WHO)
    await market.pass_time(47 * HOUR)
    assert await market.settlement.reminders() == 0
    await market.pass_time(2 * HOUR)
    assert sum(await asyncio.gather(*(market.settlement.reminders() for _ in range(3)))) == 23
    await market.pass_time(1000 * HOUR)
    assert await market.settlement.reminders() == 0, "once"
    alerts = await market.rows("SELECT kind, content FROM alerts")
    assert {alert["kind"] for alert in alerts} == {"purchases_unanswered"}
    text = str([alert["content"] for alert in alerts])
    assert str(bought[2].id) in text
    assert not {str(bought[0].id), str(bought[1].id)} & set(text.split("'"))
    assert sum(int(dict(map(tuple, alert["content"]["figures"]))["Orders"]) for alert in alerts) == 23


async def test_how_long_an_answer_may_take_is_a_setting(market: Market) -> None:
    await market.buy()
    hasty = market.settings.with_values(trading_confirmation_hours=1.0)
    await market.pass_time(HOUR + 1)
    assert await Settlement(hasty, market.database, None).reminders() == 1


@pytest.fixture
def environment(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(market.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIVODA_REQUESTS_PER_SECOND", "1000")
    # What it sets up belongs to the whole process.
    monkeypatch.setattr(logging, "configure", lambda *_: None)


async def command(*arguments: str) -> Any:
    """The command, in a thread and with a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, purchases, arguments)


async def answered(*arguments: str) -> Any:
    result = await command(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return document(result)


def document(result: Any) -> Any:
    """The indented document at the end: the log goes to the same stream here."""
    lines = result.stdout.splitlines()
    start = max(number for number, line in enumerate(lines) if line in {"{", "["})
    return json.loads("\n".join(lines[start:]))


@pytest.mark.usefixtures("environment")
async def test_operators_record_outcomes_from_the_command_line(market: Market) -> None:
    doubtful, ordered = await unknown(market), await market.buy(1, key="2")
    assert [one["id"] for one in await answered("list", "--state", "unknown")] == [str(doubtful.id)]
    given = ("--by", "olga", "--reason", "by phone")
    resolved = await answered("resolve", str(doubtful.id), "--outcome", "ordered", "--order-id", "7", *given)
    assert (resolved["state"], resolved["resolved_by"], resolved["supplier_order_id"]) == ("ordered", "olga", "7")
    confirmed = await answered("confirm", str(doubtful.id), *given)
    assert (confirmed["state"], confirmed["answered_by"]) == ("confirmed", "olga")
    declined = await answered("decline", str(ordered.id), "--reason", "by phone")
    assert (declined["state"], "@" in declined["answered_by"]) == ("declined", True)
    assert isinstance((await command("confirm", str(ordered.id), *given)).exception, PurchaseSettled)
    assert isinstance((await command("show", str(market.ids[0]))).exception, NotFound)
    for arguments in (("show", str(ordered.id)), ("list",)):
        shown = await command(*arguments)
        assert (shown.exit_code, "by phone" in shown.stdout) == (0, True)


@pytest.mark.usefixtures("environment")
async def test_operators_see_destinations_and_evidence_on_the_command_line(market: Market) -> None:
    result = await asyncio.to_thread(CliRunner().invoke, commands, ["destinations", "--json"])
    assert [one["id"] for one in document(result)] == ["shop", "workshop"]
    shown = await asyncio.to_thread(CliRunner().invoke, commands, ["destinations"])
    assert "Hatton Garden" in shown.stdout
    await market.break_supplier({"kind": "status", "status": 500, "executed": True, "operations": ["create_order"]})
    lost = await market.buy()
    await market.mend_supplier()
    examined = await answered("examine", str(lost.id))
    assert (examined["state"], examined["order_item_before"]) == ("unknown", None)
    assert examined["order_item_seen"]
