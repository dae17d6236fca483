"""Trading figures over GraphQL: of the caller, or of all clients."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.auth.scopes import Scope
from tests.integration.trading.test_graphql import BUY, CREATE, ask, codes, order
from tests.integration.trading.trading_site import PRICE, TradingSite

TradingClients = Mapping[str, httpx.AsyncClient]

FIGURES = """query ($since: DateTime!, $all: Boolean! = false) {
  tradingFigures(since: $since, allClients: $all) { holds sales salesTotal { cents } }
}"""


def ago(**length: Any) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat()


async def test_figures_count_holds_and_sales_since_instant(site: TradingSite, clients: TradingClients) -> None:
    await ask(clients["acme"], CREATE, id=str(site.ids[0]))
    await ask(clients["globex"], CREATE, id=str(site.ids[1]))
    assert (await ask(clients["acme"], BUY, input=order(site, 2)))["purchase"]["state"] == "ORDERED"
    own = {"holds": 1, "sales": 1, "salesTotal": {"cents": PRICE}}
    assert await ask(clients["acme"], FIGURES, since=ago(hours=1)) == own
    assert await ask(clients["globex"], FIGURES, since=ago(hours=1)) == own | {"sales": 0, "salesTotal": {"cents": 0}}
    assert await ask(clients["olga"], FIGURES, since=ago(hours=1), all=True) == own | {"holds": 2}
    future = (await ask(clients["acme"], FIGURES, since=ago(seconds=0)))["holds"]
    assert future == 0


async def test_figures_of_all_clients_require_scope(clients: TradingClients) -> None:
    assert await codes(clients["acme"], FIGURES, since=ago(hours=1), all=True) == ["FORBIDDEN"]
    assert await codes(clients["looker"], FIGURES, since=ago(hours=1)) == ["FORBIDDEN"], Scope.PURCHASES_WRITE


@pytest.mark.parametrize("length", [{"days": 32}, {"days": -1}])
async def test_period_of_figures_is_limited(clients: TradingClients, length: dict[str, int]) -> None:
    assert await codes(clients["acme"], FIGURES, since=ago(**length)) == ["VALIDATION_ERROR"]
