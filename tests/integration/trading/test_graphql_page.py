"""GraphQL examples about trading in the documentation: every query returns the documented result."""

from collections.abc import Mapping

import httpx

from tests.integration.api.test_graphql_page import check_examples, examples, sections
from tests.integration.trading.trading_site import TradingSite

TradingClients = Mapping[str, httpx.AsyncClient]


async def test_trading_examples_return_documented_results(site: TradingSite, clients: TradingClients) -> None:
    listed = examples(sections(trading=True))
    assert len(listed) >= 4
    await check_examples(clients["acme"], listed)
