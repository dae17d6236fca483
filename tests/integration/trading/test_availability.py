"""Availability rule: supplier state combined with holds and purchases of this inventory."""

from itertools import product
from typing import Any

import pytest

from inventory.analytics.repository import stock as figures
from inventory.catalog import statements
from inventory.catalog.search import COLOR, RETAIL_PRICE, DiamondCriteria, PageOffset, PageWindow, SortOrder
from tests.integration.trading.trading_site import TradingSite

OURS, THEIRS = "hold-of-ours", "hold-of-another"
# The supplier's states, with the hold that it shows to the account.
SUPPLIER_STATES: list[tuple[str, str | None]] = [
    ("available", None), ("on_hold", None), ("on_hold", THEIRS), ("on_hold", OURS), ("sold", None), ("sold", OURS),
    ("unavailable", None),
]  # fmt: skip
# Local state: the hold that the supplier knows as OURS, with minutes to its end, and a purchase.
HOLDS: list[tuple[str, int] | None] = [
    None, ("requested", 5), ("requested", -5), ("active", 5), ("active", -5), ("released", 5), ("expired", -5),
    ("denied", 5),
]  # fmt: skip
PURCHASES = [None, "pending", "unknown", "ordered", "confirmed", "declined", "failed"]


def expected(word: str, shown: str | None, held: tuple[str, int] | None, purchase: str | None) -> str:
    """The rule, in the order of docs/explanation/trading.md."""
    if purchase in {"ordered", "confirmed"}:
        return "sold"
    if purchase == "declined":
        return "unavailable"
    if held is not None and held[0] in {"requested", "active"} and held[1] > 0:
        return "on_hold"
    if purchase in {"pending", "unknown"}:
        return "on_hold"
    if word == "on_hold" and shown == OURS and held is not None:
        return "available"
    return word


async def put(site: TradingSite, number: int, held: tuple[str, int] | None, purchase: str | None) -> None:
    if held is not None:
        await site.run(
            """INSERT INTO hold_history (diamond_id, client_id, state, supplier_hold_id, price_cents, wanted_until,
                   expires_at, ended_at)
               SELECT $1, 'acme', $2, $3, 5, now, now + make_interval(mins => $4),
                      CASE WHEN $2 NOT IN ('requested', 'active') THEN now END
               FROM (SELECT clock_timestamp() AS now) AS clock""",
            site.ids[number], held[0], OURS, held[1],
        )  # fmt: skip
    if purchase is not None:
        answer = purchase if purchase in {"confirmed", "declined"} else None
        state = "confirmed" if answer or purchase == "ordered" else purchase
        await site.run(
            """INSERT INTO purchase_history (diamond_id, client_id, idempotency_key, request_hash, state, price_cents,
                   offer_id, ended_at, failure_code, supplier_answer, answered_at, answered_by, answer_reason)
               VALUES ($1::uuid, 'acme', $1::uuid::text, '', $2, 5, 'x', CASE WHEN $2 IN ('confirmed', 'failed') THEN now() END,
                       CASE WHEN $2 = 'failed' THEN 'X' END, $3, CASE WHEN $3 <> '' THEN now() END, $3, $3)""",
            site.ids[number], state, answer,
        )  # fmt: skip


@pytest.mark.parametrize("purchase", PURCHASES)
async def test_availability_rule_is_applied_everywhere(site: TradingSite, purchase: str | None) -> None:
    cases = list(product(SUPPLIER_STATES, HOLDS))
    for number, ((word, shown), held) in enumerate(cases):
        await site.sync(number, availability=word, hold_id=shown)
        await put(site, number, held, purchase)
        # A supplier hold corresponds to one local hold, so each stone has its own id for it.
        await site.run(
            "UPDATE hold_history SET supplier_hold_id = $1::uuid::text WHERE diamond_id = $1", site.ids[number]
        )
        if shown == OURS:
            await site.sync(number, hold_id=str(site.ids[number]))
    wanted = {site.ids[number]: expected(*word, held, purchase) for number, (word, held) in enumerate(cases)}
    ids = list(wanted)
    found = await site.search.find(ids, ["availability"])
    assert {key: diamond.availability for key, diamond in found.items()} == wanted
    for state in ("available", "on_hold", "sold", "unavailable"):
        criteria = DiamondCriteria(ids=ids, availability=[state])
        matching = {key for key, availability in wanted.items() if availability == state}
        page = await site.search.page(criteria, SortOrder(RETAIL_PRICE), PageWindow(limit=100), ["availability"])
        assert {hit.diamond.id for hit in page.hits} == matching
        assert {hit.diamond.availability for hit in page.hits} <= {state}
        assert await site.search.count(criteria) == len(matching)
        facets = await site.search.facets(criteria, ["shape"])
        assert sum(facets.counts["shape"].values()) == len(matching)
    # Distant pages and pages sorted by nullable values use separate statements.
    far = await site.search.page(
        DiamondCriteria(ids=ids), SortOrder(RETAIL_PRICE), PageOffset(100, statements._FAR), ["availability"]
    )
    assert far.hits == []
    graded = await site.search.page(
        DiamondCriteria(ids=ids), SortOrder(COLOR), PageWindow(limit=100), ["availability", "open_hold"]
    )
    assert {hit.diamond.id: hit.diamond.availability for hit in graded.hits} == wanted
    async with site.database.connection() as connection:
        counted = (await figures(connection))["nivoda"]
    others = len(site.ids) - len(ids)
    assert counted.available == sum(one == "available" for one in wanted.values()) + others
    assert (counted.on_hold, counted.sold, counted.unavailable) == tuple(
        sum(one == state for one in wanted.values()) for state in ("on_hold", "sold", "unavailable")
    )


async def plan(site: TradingSite, statement: Any) -> str:
    async with site.database.connection() as connection:
        rows = await connection.fetch(f"EXPLAIN {statement.text}", *statement.arguments)
    return "\n".join(row[0] for row in rows)


async def test_search_without_availability_does_not_read_holds(site: TradingSite) -> None:
    criteria, window = DiamondCriteria(lab_grown=False), PageWindow(limit=50)
    silent = await plan(
        site, statements.page(criteria, SortOrder(RETAIL_PRICE), window, ["shape", "retail_price_cents"])
    )
    assert "hold_history" not in silent
    assert "purchase_history" not in silent
    asked = await plan(site, statements.page(criteria, SortOrder(RETAIL_PRICE), window, ["availability"]))
    assert "hold_history" in asked
