"""Related diamonds: similar ones, pairs, comparison, price history; and the live search."""

from typing import Any

import httpx

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.core.database import Database
from inventory.events.models import EventKind
from tests.integration.api.diamonds import Insert, MakeKey, Query, build
from tests.integration.api.websocket import BEGINNING, append_event, open_socket, stone

SIMILAR = """query ($id: ID!, $first: Int) { %s(diamondId: $id, first: $first) {
  diamond { databaseId } caratDifference priceDifferencePercent colorSteps claritySteps distance } }"""
COMPARE = """query ($ids: [ID!]!) { diamondComparison(ids: $ids) {
  diamonds { id } missingIds rows { name values differs incomplete } } }"""
PRICES = "query ($id: ID!, $first: Int) { priceHistory(diamondId: $id, first: $first) { price { cents } } }"
SEARCH = """subscription ($filter: DiamondFilter, $after: String) { diamondsChanged(filter: $filter, after: $after) {
  kind cursor matching { databaseId price { cents } } otherIds } }"""


async def test_similar_diamonds_follow_rule_and_most_similar_is_first(query: Query, insert: Insert) -> None:
    price = 100_000
    await insert([
        build(0, retail_price_cents=price, carat_milli=1000),
        build(1, retail_price_cents=price + 5_000, carat_milli=1000),
        build(2, retail_price_cents=price - 1_000, carat_milli=1010),
        build(3, retail_price_cents=price, carat_milli=1000, color="F", clarity="VVS2"),
        build(4, retail_price_cents=price, carat_milli=1050),
        # Each of these is outside by one criterion.
        build(10, retail_price_cents=price, carat_milli=1051),
        build(11, retail_price_cents=price + 10_001, carat_milli=1000),
        build(12, retail_price_cents=price, carat_milli=1000, color="G"),
        build(13, retail_price_cents=price, carat_milli=1000, clarity="SI1"),
        build(14, retail_price_cents=price, carat_milli=1000, shape="OVAL"),
        build(15, retail_price_cents=price, carat_milli=1000, lab_grown=True),
        build(16, retail_price_cents=price, carat_milli=1000, availability="sold"),
    ])  # fmt: skip
    found = (await query(SIMILAR % "similarDiamonds", id=str(stone(0))))["data"]["similarDiamonds"]
    assert [one["diamond"]["databaseId"] for one in found] == [str(stone(number)) for number in (2, 1, 4, 3)]
    assert found[0] == {
        "diamond": {"databaseId": str(stone(2))}, "caratDifference": 0.01, "priceDifferencePercent": -1.0, "colorSteps": 0,
        "claritySteps": 0, "distance": 0.3,
    }  # fmt: skip
    assert (found[3]["colorSteps"], found[3]["claritySteps"]) == (1, -1)
    first = (await query(SIMILAR % "similarDiamonds", id=global_id("Diamond", stone(0)), first=1))["data"]
    assert len(first["similarDiamonds"]) == 1
    for missing in (str(stone(99)), "nonsense"):
        assert (await query(SIMILAR % "similarDiamonds", id=missing))["data"]["similarDiamonds"] is None
    refused = await query(SIMILAR % "similarDiamonds", id=str(stone(0)), first=51)
    assert refused["errors"][0]["extensions"]["fields"] == {"first": "should be between 0 and 50"}


async def test_pairs_match_in_size_proportions_and_grades(query: Query, insert: Insert) -> None:
    whole = {
        "carat_milli": 1000,
        "length_milli": 6400,
        "width_milli": 6380,
        "ratio_milli": 1003,
        "measurements_hidden": False,
    }
    near: list[dict[str, Any]] = [
        {},
        {"length_milli": 6500},
        {"carat_milli": 1030},
        {"ratio_milli": 1033},
        {"color": "F"},
    ]
    far: list[dict[str, Any]] = [
        {"length_milli": 6501}, {"carat_milli": 1031}, {"ratio_milli": 1034}, {"color": "G"}, {"fluorescence": None},
        {"fluorescence": "NONE"}, {"certificate_lab": "IGI"}, {"width_milli": None}, {"table_milli": 59_001},
        {"depth_milli": 63_401}, {"measurements_hidden": True},
    ]  # fmt: skip
    rows = [build(number, **{**whole, **change}) for number, change in enumerate([{}, *near, *far])]
    await insert(rows)
    found = (await query(SIMILAR % "matchingDiamonds", id=str(stone(0))))["data"]["matchingDiamonds"]
    assert sorted(one["diamond"]["databaseId"] for one in found) == sorted(str(stone(number)) for number in range(1, 6))
    hidden = str(stone(len(rows) - 1))
    assert (await query(SIMILAR % "matchingDiamonds", id=hidden))["data"]["matchingDiamonds"] == []


async def test_comparison_names_differences_missing_values_and_removed_diamonds(query: Query, insert: Insert) -> None:
    await insert([build(1, color="D", availability="sold"), build(2, color="E", cut=None, ratio_milli=1500)])
    ids = [str(stone(2)), global_id("Diamond", stone(1)), str(stone(9))]
    found = (await query(COMPARE, ids=ids))["data"]["diamondComparison"]
    assert [one["id"] for one in found["diamonds"]] == [global_id("Diamond", stone(number)) for number in (2, 1)]
    assert found["missingIds"] == [str(stone(9))]
    rows = {row.pop("name"): row for row in found["rows"]}
    assert rows["color"] == {"values": ["E", "D"], "differs": True, "incomplete": False}
    assert rows["cut"] == {"values": [None, "EXCELLENT"], "differs": False, "incomplete": True}
    assert rows["ratio"]["values"] == ["1.5", "1.008"]
    assert rows["availability"]["values"] == ["available", "sold"]
    assert "fancyColor" not in rows
    for wrong in ([ids[0]], [ids[0]] * 2, [str(stone(number)) for number in range(6)]):
        assert "ids" in (await query(COMPARE, ids=wrong))["errors"][0]["extensions"]["fields"]


async def test_price_history_contains_each_price_once_newest_first(
    query: Query, insert: Insert, database: Database
) -> None:
    await insert([build(1, retail_price_cents=100), build(2)])
    assert (await query(PRICES, id=str(stone(1))))["data"]["priceHistory"] == [{"price": {"cents": 100}}]
    for cents in (200, 200, 150):
        async with database.connection() as connection:
            await connection.execute(
                "UPDATE diamonds SET retail_price_cents = $2, updated_at = now() WHERE id = $1", stone(1), cents
            )

    async def prices(**arguments: Any) -> list[int]:
        points = (await query(PRICES, id=str(stone(1)), **arguments))["data"]["priceHistory"]
        return [point["price"]["cents"] for point in points]

    assert await prices() == [150, 200, 100]
    assert await prices(first=2) == [150, 200]
    assert await prices(first=0) == []
    assert (await query(PRICES, id=str(stone(9))))["data"]["priceHistory"] is None


async def test_live_search_reports_entering_changed_and_leaving_diamonds(
    address: str, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number, retail_price_cents=1000 * number) for number in range(1, 5)])
    ids = {number: global_id("Diamond", stone(number)) for number in range(1, 6)}
    async with open_socket(address, key) as cheap, open_socket(address, key) as dear:
        await cheap.subscribe(SEARCH, filter={"price": {"max": 2500}}, after=BEGINNING)
        await dear.subscribe(SEARCH, filter={"price": {"min": 2501}}, after=BEGINNING)
        await append_event(database, 1, 3)
        one, two = await cheap.event(), await dear.event()
        assert ([found["databaseId"] for found in one["matching"]], one["otherIds"]) == ([str(stone(1))], [ids[3]])
        assert ([found["databaseId"] for found in two["matching"]], two["otherIds"]) == ([str(stone(3))], [ids[1]])
        async with database.connection() as connection:
            await connection.execute("UPDATE diamonds SET retail_price_cents = 2400 WHERE id = $1", stone(3))
        await append_event(database, 3, kind=EventKind.DIAMONDS_REPRICED)
        entered, left = await cheap.event(), await dear.event()
        assert entered["matching"] == [{"databaseId": str(stone(3)), "price": {"cents": 2400}}]
        assert (left["kind"], left["matching"], left["otherIds"]) == ("DIAMONDS_REPRICED", [], [ids[3]])
        async with database.connection() as connection:
            await connection.execute("UPDATE diamonds SET status = 'quarantined' WHERE id = $1", stone(1))
        await append_event(database, 1, kind=EventKind.DIAMONDS_REMOVED)
        assert (await cheap.event())["otherIds"] == [ids[1]]
    async with open_socket(address, key) as again:  # resumed after the first event
        await again.subscribe(SEARCH, filter={"price": {"max": 2500}}, after=one["cursor"])
        missed = [await again.event() for _ in range(2)]
    assert [event["kind"] for event in missed] == ["DIAMONDS_REPRICED", "DIAMONDS_REMOVED"]
    assert missed[0]["matching"] == entered["matching"]
    async with open_socket(address, key) as socket:
        await socket.subscribe(SEARCH, filter={"supplierPrice": {"min": 1}})
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"
        await socket.subscribe(SEARCH, "2", filter={"search": "1"})
        assert (await socket.error())["extensions"]["fields"] == {"filter.search": "should hold at least 3 characters"}


async def test_same_stone_of_other_suppliers_is_found_by_certificate(
    address: str, make_key: MakeKey, insert: Insert
) -> None:
    certificate = {"certificate_lab": "GIA", "certificate_number": "2141438171", "certificate_hidden": False}
    await insert([
        build(1, retail_price_cents=500, **certificate),
        build(2, retail_price_cents=400, availability="unavailable", **certificate),
        build(3, retail_price_cents=600, **certificate),
        build(4, **certificate | {"certificate_lab": "IGI"}),
        build(5, **certificate | {"certificate_lab": None, "certificate_number": None}),
        build(6, **certificate | {"certificate_hidden": True}),
    ])  # fmt: skip
    document = "query ($id: ID!) { sameDiamondAs(diamondId: $id) { databaseId } }"

    async def same(client: httpx.AsyncClient, number: int) -> list[str] | None:
        body = {"query": document, "variables": {"id": str(stone(number))}}
        found = (await client.post("/graphql", json=body)).json()["data"]["sameDiamondAs"]
        return None if found is None else [one["databaseId"] for one in found]

    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        assert await same(client, 1) == [str(stone(3)), str(stone(2))]
        assert await same(client, 2) == [str(stone(1)), str(stone(3))]
        assert await same(client, 4) == await same(client, 5) == []
        assert await same(client, 6) == [], "the caller may not see its certificate"
        assert await same(client, 9) is None
    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ, Scope.CERTIFICATES_HIDDEN)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        assert await same(client, 6) == [str(stone(1)), str(stone(3)), str(stone(2))]
