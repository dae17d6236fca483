"""Exchange rates: set by operators, used for display only."""

from typing import Any

import httpx

from app.auth.scopes import Scope
from tests.integration.api.diamonds import Insert, MakeKey, Query, build

SET = """mutation ($input: ExchangeRateSetInput!) { exchangeRateSet(input: $input) {
  exchangeRate { currency rate } userErrors { field code } } }"""
DELETE = """mutation ($input: ExchangeRateDeleteInput!) { exchangeRateDelete(input: $input) {
  deletedCurrency userErrors { field code } } }"""
PRICE = """{ diamonds { nodes { price { cents currency
  presentment(currency: "EUR") { currency amount rate } yen: presentment(currency: "JPY") { amount } } } } }"""


async def test_prices_are_shown_in_configured_currencies(
    address: str, query: Query, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build(1, retail_price_cents=100_050)])
    headers = {"X-API-Key": await make_key(Scope.PRICING_WRITE)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as operator:

        async def change(document: str, **given: Any) -> Any:
            body = (await operator.post("/graphql", json={"query": document, "variables": {"input": given}})).json()
            (payload,) = body["data"].values()
            return payload

        shown = {"cents": 100_050, "currency": "USD", "presentment": None, "yen": None}
        assert (await query(PRICE))["data"]["diamonds"]["nodes"] == [{"price": shown}]
        payload = await change(SET, currency="EUR", rate="0.9215")
        assert payload == {"exchangeRate": {"currency": "EUR", "rate": "0.9215"}, "userErrors": []}
        await change(SET, currency="JPY", rate="149.5")
        euro = {"currency": "EUR", "amount": "921.96", "rate": "0.9215"}
        (node,) = (await query(PRICE))["data"]["diamonds"]["nodes"]
        assert node["price"] == {**shown, "presentment": euro, "yen": {"amount": "149575"}}
        rates = "{ exchangeRates { currency rate } }"
        assert (await query(rates))["data"]["exchangeRates"] == [
            {"currency": "EUR", "rate": "0.9215"}, {"currency": "JPY", "rate": "149.5"},
        ]  # fmt: skip
        wrong = [("EUR", "x"), ("EUR", "0"), ("EUR", "-1"), ("EUR", "NaN"), ("EUR", "1e12"), ("EUR", "0.0000000001")]
        for currency, rate in wrong:
            assert (await change(SET, currency=currency, rate=rate))["userErrors"] == [
                {"field": ["input", "rate"], "code": "INVALID"}
            ]
        for currency in ("USD", "eur", "EURO", ""):
            assert (await change(SET, currency=currency, rate="1"))["userErrors"] == [
                {"field": ["input", "currency"], "code": "INVALID"}
            ]
        assert (await change(DELETE, currency="EUR"))["deletedCurrency"] == "EUR"
        assert (await change(DELETE, currency="EUR"))["userErrors"] == [
            {"field": ["input", "currency"], "code": "NOT_FOUND"}
        ]
        assert (await query(PRICE))["data"]["diamonds"]["nodes"][0]["price"]["presentment"] is None
    refused = await query(SET, input={"currency": "EUR", "rate": "1"})
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
