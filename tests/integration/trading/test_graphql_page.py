"""What the page about GraphQL says of holds and purchases: every query is run, and gives the answer that stands under it."""

from collections.abc import Mapping

import httpx

from tests.integration.api.test_graphql_page import examples, hold, sections
from tests.integration.trading.market import Market

People = Mapping[str, httpx.AsyncClient]


async def test_every_example_of_trading_gives_the_answer_under_it(market: Market, people: People) -> None:
    listed = examples(sections(trading=True))
    assert len(listed) >= 4
    await hold(people["acme"], listed)
