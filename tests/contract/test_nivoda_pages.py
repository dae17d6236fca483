"""Pages with null items, oversized pages, and pages that fail because of one item."""

import random
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from inventory.core.errors import SupplierUnavailable
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import FeedPage, StoneQuery
from sandbox.supplier.served_schema import published_types
from tests.contract.nivoda import CountingLimiter, account, answer, errors, scripted_supplier
from tests.contract.published_supplier import PublishedSupplier, published_item, published_supplier, stone_id

CLARITY: dict[str, Any] = {"diamond__certificate__clarity": "SI4"}  # a nullable field
COLOR: dict[str, Any] = {"diamond__certificate__color": "D+"}  # non-null: null propagates to the item
PROBLEM = "diamond.certificate.color: Enum 'DiamondColor' cannot represent value: 'D+'"


async def read(supplier: PublishedSupplier, offset: int = 0, limit: int = 50, **query: Any) -> FeedPage:
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=2).nivoda, CountingLimiter()) as client:
        return await NivodaFeed(client).page(StoneQuery(**query), offset, limit)


def ids(page: FeedPage) -> list[str]:
    return [item.supplier_stone_id for item in page.items]


def problems(page: FeedPage) -> dict[str, str]:
    return {item.supplier_stone_id: item.problem for item in page.items if item.problem}


def pages_asked(supplier: PublishedSupplier) -> int:
    return supplier.requests["Page"]


async def test_permanently_null_item_is_quarantined_by_id_with_reason() -> None:
    items = [published_item(number, **(COLOR if number == 20 else {})) for number in range(60)]
    async with published_supplier(items) as supplier:
        page = await read(supplier)
    assert ids(page) == [stone_id(number) for number in range(50)]
    assert problems(page) == {stone_id(20): PROBLEM}
    assert page.unidentified == []
    assert pages_asked(supplier) == 2


async def test_stored_null_item_is_mapped_equally_again() -> None:
    async with published_supplier([published_item(1, **COLOR)]) as supplier:
        (item,) = (await read(supplier)).items
    assert observe(item.payload) == item


async def test_nullable_field_error_fails_neither_page_nor_item() -> None:
    items = [published_item(number, **(CLARITY if number % 2 else {})) for number in range(10)]
    async with published_supplier(items) as supplier:
        page = await read(supplier)
    assert [item.stone is not None and item.stone.clarity for item in page.items] == ["VS1", None] * 5
    assert pages_asked(supplier) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price": None}, "price: Cannot return null for non-nullable field DiamondItem.price."),
        ({"diamond__availability": "GONE"}, "Enum 'ProductAvailability' cannot represent value: 'GONE'"),
        ({"diamond__certificate": None}, "Cannot return null for non-nullable field Diamond.certificate."),
        ({"diamond__certificate__carats": "heavy"}, "Float cannot represent non numeric value"),
        ({"id": None}, "Cannot return null for non-nullable field DiamondItem.id."),
        ({"id": None, "price": None}, "Cannot return null for non-nullable field DiamondItem"),
    ],
)
async def test_any_field_may_be_unavailable(changes: dict[str, Any], problem: str) -> None:
    items = [published_item(number, **(changes if number == 2 else {})) for number in range(5)]
    async with published_supplier(items) as supplier:
        page = await read(supplier)
    assert sorted(ids(page)) == [stone_id(number) for number in range(5)]
    assert problem in problems(page)[stone_id(2)]


async def test_stone_without_id_is_unidentified_by_position() -> None:
    items = [published_item(number) for number in range(5)]
    items[3]["id"] = items[3]["diamond"]["id"] = None
    async with published_supplier(items) as supplier:
        page = await read(supplier)
    assert ids(page) == [stone_id(number) for number in (0, 1, 2, 4)]
    assert (page.unidentified, page.length) == ([3], 5)


async def test_page_of_only_null_items_costs_few_calls() -> None:
    async with published_supplier([published_item(number, **COLOR) for number in range(50)]) as supplier:
        page = await read(supplier)
    assert problems(page) == {stone_id(number): PROBLEM for number in range(50)}
    assert pages_asked(supplier) <= 4


@pytest.mark.parametrize("seed", range(5))
async def test_random_ties_do_not_attribute_error_to_another_stone(seed: int) -> None:
    items = [published_item(number, price=100_000, **(COLOR if number % 10 == 3 else {})) for number in range(120)]
    bad = {stone_id(number) for number in range(120) if number % 10 == 3}
    async with published_supplier(items) as supplier:
        supplier.random_ties = random.Random(seed)
        for offset in (0, 50, 100):
            page = await read(supplier, offset)
            assert problems(page).keys() <= bad
            assert page.length == (50 if offset < 100 else 20)
            assert set(ids(page)) & bad == problems(page).keys()


@pytest.mark.parametrize("seed", range(5))
async def test_random_ties_do_not_exchange_errors_of_two_stones(seed: int) -> None:
    bad = {3: "D+", 13: "E+", 23: "F+"}
    items = [
        published_item(number, price=100_000, diamond__certificate__color=bad.get(number, "D")) for number in range(60)
    ]
    async with published_supplier(items) as supplier:
        supplier.random_ties = random.Random(seed)
        found = problems(await read(supplier)) | problems(await read(supplier, 10))
    assert found.keys() <= {stone_id(number) for number in bad}
    for number, color in bad.items():
        problem = found.get(stone_id(number), f"'{color}'")
        assert f"'{color}'" in problem


async def test_temporarily_null_item_is_read() -> None:
    items = [published_item(number, price=100_000) for number in range(5)]
    async with published_supplier(items) as supplier:
        original = supplier._root["diamonds_by_query"]

        def failing_once(info: Any, **arguments: Any) -> Any:
            page = original(info, **arguments)
            if pages_asked(supplier) == 1:
                return {**page, "items": [*page["items"][:2], None, *page["items"][3:]]}
            return page

        supplier._root["diamonds_by_query"] = failing_once
        page = await read(supplier)
    assert sorted(ids(page)) == [stone_id(number) for number in range(5)]
    assert problems(page) == {}


async def test_lookup_finds_unavailable_stone() -> None:
    items = [published_item(1, **COLOR), published_item(2)]
    async with (
        published_supplier(items) as supplier,
        NivodaClient.open(account(supplier.endpoint).nivoda, CountingLimiter()) as client,
    ):
        found = await NivodaFeed(client).lookup([stone_id(1), stone_id(3)], [stone_id(2)])
    assert {item.supplier_stone_id: item.problem for item in found.found} == {stone_id(1): PROBLEM}
    assert set(found.absent) == {stone_id(3)}


def strict_list_schema() -> GraphQLSchema:
    """The published schema with non-null items: one bad item makes the whole page null."""
    text = published_types("2026").replace("items: [DiamondItem]\n", "items: [DiamondItem!]!\n")
    assert "items: [DiamondItem!]!" in text
    return build_schema(text)


async def test_page_that_fails_because_of_item_is_read_without_it() -> None:
    items = [published_item(number, **(COLOR if number in (0, 7, 8, 31) else {})) for number in range(50)]
    async with published_supplier(items, strict_list_schema()) as supplier:
        page = await read(supplier)
    assert len(page.items) + len(page.unidentified) == 50
    assert [item.supplier_stone_id for item in page.items if item.stone] == [
        stone_id(number) for number in range(50) if number not in (0, 7, 8, 31)
    ]
    assert problems(page).keys() == {stone_id(number) for number in (0, 7, 8, 31)}


LARGE: dict[str, Any] = {"diamond__certificate__comments": "x" * 100_000}


async def test_oversized_page_is_read_in_parts() -> None:
    items = [published_item(number, **(LARGE if 60 <= number < 95 else {})) for number in range(150)]
    async with published_supplier(items) as supplier:
        supplier.largest_answer = 1_300_000
        settings = account(supplier.endpoint, nivoda_tries=2)
        async with NivodaClient.open(settings.nivoda, CountingLimiter()) as client:
            feed = NivodaFeed(client)
            for _ in range(2):
                supplier.asked.clear()
                pages = [await feed.page(StoneQuery(), offset, 50) for offset in (0, 50, 100)]
                assert [ids(page) for page in pages] == [
                    [stone_id(number) for number in range(start, start + 50)] for start in (0, 50, 100)
                ]
    # The second time the sizes are known.
    assert [request["variables"]["limit"] for request in supplier.asked] == [50, 12, 12, 12, 12, 2, 50]


async def test_single_oversized_item_is_quarantined_by_id() -> None:
    items = [published_item(number, **(LARGE if number == 1 else {})) for number in range(50)]
    async with published_supplier(items) as supplier:
        supplier.largest_answer = 99_000
        async with NivodaClient.open(account(supplier.endpoint).nivoda, CountingLimiter()) as client:
            feed = NivodaFeed(client)
            first = await feed.page(StoneQuery(), 0, 50)
            supplier.requests.clear()
            second = await feed.page(StoneQuery(), 0, 50)
    assert ids(first) == ids(second) == [stone_id(number) for number in range(50)]
    assert (
        problems(first) == problems(second) == {stone_id(1): "item: The supplier answered HTTP 413 with an empty body"}
    )
    assert pages_asked(supplier) <= 8


@pytest.mark.parametrize("message", ["Internal server error", "Request timed out"])
async def test_page_that_fails_because_of_outage_is_retried(message: str) -> None:
    path = ["as", "diamonds_by_query", "items", 3, "diamond"]
    body = {"data": None, "errors": [{"message": message, "path": path}]}
    async with scripted_supplier() as supplier:
        supplier.script.extend([answer(body)] * 2)
        async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=2).nivoda, CountingLimiter()) as client:
            with pytest.raises(SupplierUnavailable, match=message):
                await NivodaFeed(client).page(StoneQuery(), 0, 50)
    assert len(supplier.asked) == 2


async def test_error_without_item_path_fails_page() -> None:
    data: dict[str, Any] = {"as": {"diamonds_by_query": {"items": []}}}
    async with scripted_supplier() as supplier:
        supplier.script.append(errors("Something is odd", data))
        async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, CountingLimiter()) as client:
            with pytest.raises(Exception, match="Something is odd"):
                await NivodaFeed(client).page(StoneQuery(), 0, 50)
