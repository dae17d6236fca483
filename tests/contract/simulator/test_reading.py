"""Counts and pages, bands and single stones."""

from typing import Any

import pytest

from sandbox.supplier.server import Options
from tests.contract.simulator.client import PAGE, STONES, Client, Start


async def test_pages_cover_a_feed_at_rest_exactly_once(client: Client) -> None:
    truth = await client.control("GET", f"stones?limit={STONES}")
    received = [item for offset in range(0, STONES, 50) for item in (await client.page(offset=offset))["items"]]
    assert len(received) == STONES
    assert {item["id"] for item in received} == {row["offer_id"] for row in truth}
    prices = {row["offer_id"]: row["price"] for row in truth if row["usable"]}
    assert {item["id"]: int(item["price"]) for item in received if item["id"] in prices} == prices
    assert (await client.page(offset=STONES))["items"] == []


async def test_counts_of_a_band_match_its_pages(client: Client) -> None:
    band = {"dollar_value": {"from": 337, "to": 351}}
    items = (await client.page(band))["items"]
    assert len(items) == await client.count(band) > 0
    assert all(33_700 <= int(item["price"]) <= 35_100 for item in items)


@pytest.mark.parametrize(
    "variables", [{"limit": 51}, {"limit": -1}, {"offset": -1}, {"query": {"updated": {"from": "yesterday"}}}]
)
async def test_a_page_that_can_not_be_had_is_an_error(variables: dict[str, Any], client: Client) -> None:
    body = await client.ask(PAGE, **{"query": {}, **variables})
    assert body["errors"][0]["path"] == ["as", "diamonds_by_query"]
    assert body["data"]["as"]["diamonds_by_query"] is None


async def test_the_total_of_a_page_is_not_the_count(start: Start) -> None:
    client = await start(Options(stones=12_000))
    assert (await client.page(limit=1))["total_count"] == 10_000
    band = {"dollar_value": {"to": 2_000}}
    assert (await client.page(band, limit=1))["total_count"] < await client.count(band)


async def test_one_stone_is_found_by_its_id(client: Client) -> None:
    row = (await client.control("GET", "stones?offset=7&limit=1"))[0]
    document = """
    query ($token: String!, $id: ID!) {
      as(token: $token) { get_diamond_by_id(diamond_id: $id) { diamond { id availability HoldId } } }
    }
    """
    body = await client.ask(document, id=row["id"])
    expected = {"id": row["id"], "availability": row["availability"], "HoldId": None}
    assert body["data"]["as"]["get_diamond_by_id"]["diamond"] == expected
    assert (await client.ask(document, id="nobody"))["data"]["as"]["get_diamond_by_id"] is None


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"certNumber": "12\x0034"}, b"12\\u000034"),
        ({"certNumber": "12\ud83d34"}, b"12\\ud83d34"),
        ({"price": 1 << 63}, b'"price": 9223372036854775808'),
        ({"diamond.sparkle": 1}, b'"sparkle": 1'),
    ],
)
async def test_what_no_server_should_send_is_sent(values: dict[str, Any], shown: bytes, client: Client) -> None:
    row = (await client.control("GET", "stones?limit=1"))[0]
    await client.control("POST", "update", {"id": row["id"], "set": values})
    query = {"ids": [row["id"]]}
    response = await client.post(PAGE, token=client.token, query=query)
    assert shown in response.content
