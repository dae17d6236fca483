"""Counts, pages, bands and single stones."""

from typing import Any

import pytest

from sandbox.supplier.server import Options
from tests.contract.simulator.client import BY_ID, PAGE, STONES, Client, Start


async def test_pages_cover_static_feed_exactly_once(client: Client) -> None:
    truth = await client.control("GET", f"stones?limit={STONES}")
    received = [item for offset in range(0, STONES, 50) for item in (await client.page(offset=offset))["items"]]
    assert len(received) == STONES
    assert {item["id"] for item in received} == {row["offer_id"] for row in truth}
    prices = {row["offer_id"]: row["price"] for row in truth if row["usable"]}
    assert {item["id"]: int(item["price"]) for item in received if item["id"] in prices} == prices
    assert (await client.page(offset=STONES))["items"] == []


async def test_counts_of_band_match_pages(client: Client) -> None:
    band = {"dollar_value": {"from": 337, "to": 351}}
    items = (await client.page(band))["items"]
    assert len(items) == await client.count(band) > 0
    assert all(33_700 <= int(item["price"]) <= 35_100 for item in items)


@pytest.mark.parametrize(
    "variables",
    [
        {"limit": 51},
        {"limit": -1},
        {"offset": -1},
        {"offset": 50_001},
        {"query": {"updated": {"from": "yesterday"}}},
        {"query": {"girdle": ["MED"]}},
    ],
)
async def test_page_outside_limits_is_error(variables: dict[str, Any], client: Client) -> None:
    body = await client.ask(PAGE, **{"query": {}, **variables})
    assert body["errors"][0]["path"] == ["as", "diamonds_by_query"]
    assert body["data"] is None


async def test_largest_offset_is_50000(start: Start) -> None:
    client = await start(Options(stones=50_060, bad_data_share=0))
    assert len((await client.page(offset=50_000))["items"]) == 50


async def test_total_of_page_differs_from_count(start: Start) -> None:
    client = await start(Options(stones=12_000))
    assert (await client.page(limit=1))["total_count"] == 10_000
    band = {"dollar_value": {"from": 0, "to": 2_000}}
    assert (await client.page(band, limit=1))["total_count"] < await client.count(band)


async def test_stone_is_found_by_id_with_offer_and_price(client: Client) -> None:
    stones = await client.control("GET", "stones?limit=100")
    row = next(row for row in stones if row["usable"])
    item = (await client.ask(BY_ID, id=row["id"]))["data"]["as"]["get_diamond_by_id"]
    assert item == {
        "id": row["offer_id"],
        "price": row["price"],
        "diamond": {"id": row["id"], "availability": row["availability"], "HoldId": None, "OrderItemId": None},
    }


async def test_unknown_id_is_error_with_null_data(client: Client) -> None:
    for identity in ("nobody", "00000000-0000-4000-8000-000000000000"):
        body = await client.ask(BY_ID, id=identity)
        assert (body["data"], body["errors"][0]["path"]) == (None, ["as", "get_diamond_by_id"])
        assert "not found" in body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"lab": "WGI"}, ["diamond", "certificate", "lab"], 'Enum "CertificateLab" cannot represent value: "WGI"'),
        ({"price": None}, ["price"], "Cannot return null for non-nullable field DiamondItem.price."),
        ({"price": 1 << 63}, ["price"], "Int cannot represent non 32-bit signed integer value"),
        ({"certificate": None}, ["diamond", "certificate"], "non-nullable field Diamond.certificate."),
        ({"diamond": None}, ["diamond"], "non-nullable field DiamondItem.diamond."),
        ({"carats": "N/A"}, ["diamond", "certificate", "carats"], "Float cannot represent"),
        ({"availability": "ON HOLD"}, ["diamond", "availability"], "ProductAvailability"),
    ],
)
async def test_value_invalid_for_non_null_field_makes_item_null(
    values: dict[str, Any], path: list[str], message: str, client: Client
) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.control("POST", "update", {"id": row["id"], "set": values})
    full = PAGE.replace("carats", "carats lab")
    other = next(row for row in await client.control("GET", "stones?limit=300") if row["usable"])
    body = await client.ask(full, query={"filter_ids": [other["id"], row["id"]]}, limit=50)
    items = body["data"]["as"]["diamonds_by_query"]["items"]
    assert [item and item["id"] for item in items].count(None) == 1
    assert [item["id"] for item in items if item] == [other["offer_id"]]
    (error,) = body["errors"]
    assert error["path"] == ["as", "diamonds_by_query", "items", items.index(None), *path]
    assert message in error["message"]
    fewer = f"query ($token: String!, $query: DiamondQuery) {{ as(token: $token) {{ {IDS} }} }}"
    body = await client.ask(fewer, query={"filter_ids": [row["id"]]})
    assert body == {"data": {"as": {"diamonds_by_query": {"items": [{"id": row["offer_id"]}]}}}}


IDS = "diamonds_by_query(query: $query) { items { id } }"


async def test_value_invalid_for_nullable_field_is_null_with_error(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.control("POST", "update", {"id": row["id"], "set": {"clarity": "SI4", "labgrown": "LG"}})
    selection = PAGE.replace("carats", "carats clarity labgrown")
    body = await client.ask(selection, query={"filter_ids": [row["id"]]})
    (item,) = body["data"]["as"]["diamonds_by_query"]["items"]
    certificate = item["diamond"]["certificate"]
    assert (item["price"], certificate["clarity"], certificate["labgrown"]) == (row["price"], None, None)
    place = ["as", "diamonds_by_query", "items", 0, "diamond", "certificate"]
    assert [error["path"] for error in body["errors"]] == [[*place, "clarity"], [*place, "labgrown"]]


@pytest.mark.parametrize(
    ("values", "shown"),
    [({"certNumber": "12\x0034"}, b"12\\u000034"), ({"certNumber": "12\ud83d34"}, b"12\\ud83d34")],
)
async def test_unstorable_texts_are_sent(values: dict[str, Any], shown: bytes, client: Client) -> None:
    row = (await client.control("GET", "stones?limit=1"))[0]
    await client.control("POST", "update", {"id": row["id"], "set": values})
    response = await client.post(PAGE, token=client.token, query={"filter_ids": [row["id"]]})
    assert shown in response.content
