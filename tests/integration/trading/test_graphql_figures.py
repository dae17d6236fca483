"""Figures of holds and sales over GraphQL: those of the caller, or of all clients."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.auth.scopes import Scope
from tests.integration.trading.market import PRICE, Market
from tests.integration.trading.test_graphql import BUY, CREATE, ask, codes, order

People = Mapping[str, httpx.AsyncClient]

FIGURES = """query ($since: DateTime!, $all: Boolean! = false) {
  tradingFigures(since: $since, allClients: $all) { holds sales salesTotal { cents } }
}"""


def ago(**length: Any) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat()


async def test_figures_count_holds_and_sales_since_an_instant(market: Market, people: People) -> None:
    await ask(people["acme"], CREATE, id=str(market.ids[0]))
    await ask(people["globex"], CREATE, id=str(market.ids[1]))
    assert (await ask(people["acme"], BUY, input=order(market, 2)))["purchase"]["state"] == "ORDERED"
    own = {"holds": 1, "sales": 1, "salesTotal": {"cents": PRICE}}
    assert await ask(people["acme"], FIGURES, since=ago(hours=1)) == own
    assert await ask(people["globex"], FIGURES, since=ago(hours=1)) == own | {"sales": 0, "salesTotal": {"cents": 0}}
    assert await ask(people["olga"], FIGURES, since=ago(hours=1), all=True) == own | {"holds": 2}
    future = (await ask(people["acme"], FIGURES, since=ago(seconds=0)))["holds"]
    assert future == 0


async def test_figures_of_all_clients_need_a_scope(people: People) -> None:
    assert await codes(people["acme"], FIGURES, since=ago(hours=1), all=True) == ["FORBIDDEN"]
    assert await codes(people["looker"], FIGURES, since=ago(hours=1)) == ["FORBIDDEN"], Scope.PURCHASES_WRITE


@pytest.mark.parametrize("length", [{"days": 32}, {"days": -1}])
async def test_the_period_of_figures_is_limited(people: People, length: dict[str, int]) -> None:
    assert await codes(people["acme"], FIGURES, since=ago(**length)) == ["VALIDATION_ERROR"]
