"""Client with changed schemas: with introspection, without it, and with a change during operation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from inventory.core.errors import (
    OutcomeUnknown,
    SupplierError,
    SupplierRefused,
    SupplierSchemaChanged,
    SupplierUnavailable,
)
from inventory.suppliers.nivoda import feed as feed_module
from inventory.suppliers.nivoda import supplier_schema
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import COUNT
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.trading import open_trading
from inventory.suppliers.ports import Capabilities, StoneQuery
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema
from tests.contract.nivoda import CountingLimiter, account, answer, page_of_html, refusal, scripted_supplier, status
from tests.contract.published_supplier import PublishedSupplier, published_item, published_supplier, stone_id

COLOR: dict[str, Any] = {"diamond__certificate__color": "D+"}
HOUR = 3600.0


class Clock:
    """A manual clock."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def reading(
    options: SchemaOptions | None = None, stones: int = 60, clock: Clock | None = None, **changes: Any
) -> AsyncIterator[tuple[PublishedSupplier, NivodaFeed]]:
    items = [published_item(number, **changes) for number in range(stones)]
    async with (
        published_supplier(items, options) as supplier,
        NivodaClient.open(
            account(supplier.endpoint, nivoda_tries=2).nivoda, CountingLimiter(), monotonic=clock or Clock()
        ) as client,
    ):
        yield supplier, NivodaFeed(client, monotonic=clock or Clock())


def options(
    version: Any = "2026", *without: str, introspection: bool = True, rename: tuple[str, ...] = ()
) -> SchemaOptions:
    return SchemaOptions(version=version, without=without, rename=rename, introspection=introspection)


async def test_schema_is_requested_once_and_nothing_is_rejected() -> None:
    async with reading(options("2024")) as (supplier, feed):
        assert await feed.count(StoneQuery()) == 60
        page = await feed.page(StoneQuery(price_from=1_000), 0, 50)
        assert [item.stone is not None for item in page.items] == [True] * 50
        assert (await feed.lookup([stone_id(1), "x"], [stone_id(2)])).absent == {"x"}
        found = await feed.capabilities()
    assert (supplier.requests["introspection"], supplier.rejected) == (1, [])
    assert len(found.differences) == 9
    assert (found.windows, found.carats, found.origin, found.price_order, found.lookup) == (
        True,
        True,
        True,
        True,
        "together",
    )


async def test_missing_members_are_learned_from_rejections_once() -> None:
    async with reading(
        options("2024", "Diamond.milky", "DiamondQuery.search_on_markup_price", introspection=False)
    ) as (
        supplier,
        feed,
    ):
        page = await feed.page(StoneQuery(price_from=1_000), 0, 50)
        assert len(page.items) == 50
        rejected = supplier.requests["rejected"]
        assert await feed.count(StoneQuery(price_from=1_000)) == 60
        assert len((await feed.page(StoneQuery(price_from=1_000), 50, 50)).items) == 10
        assert supplier.requests["rejected"] == rejected <= 4
        found = await feed.capabilities()
    assert len(found.differences) == 11


async def test_capabilities_without_introspection_are_probed_without_results() -> None:
    missing = ("DiamondQuery.sizes", "DiamondQuery.labgrown", "DiamondQuery.updated", "DiamondQuery.filter_ids")
    async with reading(options("2026", *missing, "DiamondOrderType.price", introspection=False)) as (supplier, feed):
        found = await feed.capabilities()
        asked = len(supplier.asked)
        assert await feed.capabilities() == found
    assert len(supplier.asked) == asked == 2
    assert found == Capabilities(
        windows=False,
        carats=False,
        origin=False,
        price_order=False,
        lookup="one by one",
        differences=tuple(sorted([
            "DiamondQuery.filter_ids is not offered; stones are looked up one by one",
            "DiamondQuery.labgrown is not offered; natural and lab-grown stones can't be read apart",
            "DiamondQuery.sizes is not offered; a price with many stones can't be divided by weight",
            "DiamondQuery.updated is not offered; every run reads the whole feed",
            "diamonds_by_query(order) by price is not offered; createdAt is used",
        ])),
    )  # fmt: skip


@pytest.mark.parametrize("introspection", [True, False])
async def test_schema_change_causes_one_renegotiation(introspection: bool) -> None:
    clock = Clock()
    async with reading(options("2026", introspection=introspection), clock=clock) as (supplier, feed):
        await feed.page(StoneQuery(), 0, 50)
        clock.seconds += HOUR
        supplier.schema = ServedSchema(options("2024", "Certificate.floInt")).graphql
        assert len((await feed.page(StoneQuery(), 50, 50)).items) == 10
        assert len((await feed.page(StoneQuery(), 0, 50)).items) == 50
        assert supplier.requests["rejected"] == 1
        assert supplier.requests["introspection"] == (2 if introspection else 0)
        assert "Certificate.floInt is not offered; it is not read" in (await feed.capabilities()).differences


async def test_wrong_introspection_is_corrected_by_validation_errors() -> None:
    async with reading() as (supplier, feed):
        await feed.count(StoneQuery())
        told = supplier.schema
        supplier.schema = ServedSchema(options("2026", "Diamond.milky")).graphql
        supplier.introspected = told
        assert len((await feed.page(StoneQuery(), 0, 50)).items) == 50
        assert supplier.requests["rejected"] == 1


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize(
    "member",
    ["DiamondItem.id", "DiamondItem.price", "Diamond.availability", "Certificate.carats", "Query.diamonds_by_query"],
)
async def test_missing_required_field_is_permanent_error_with_name(member: str, introspection: bool) -> None:
    async with reading(options("2026", member, introspection=introspection)) as (supplier, feed):
        with pytest.raises(SupplierSchemaChanged, match=member) as caught:
            await feed.page(StoneQuery(), 0, 50)
    assert not caught.value.retryable
    assert caught.value.code == "SUPPLIER_SCHEMA"
    assert supplier.requests["rejected"] == (0 if introspection else 1)


@pytest.mark.parametrize("introspection", [True, False])
async def test_missing_necessary_filter_is_permanent_error(introspection: bool) -> None:
    async with reading(options("2026", "DiamondQuery.labgrown", introspection=introspection)) as (_, feed):
        assert await feed.count(StoneQuery()) == 60
        for _ in range(2):
            with pytest.raises(SupplierSchemaChanged, match=r"DiamondQuery\.labgrown"):
                await feed.count(StoneQuery(lab_grown=True))
        assert not (await feed.capabilities()).origin


async def test_uninformative_rejection_is_permanent_and_shows_message() -> None:
    async with scripted_supplier() as supplier:
        rejection = refusal(400, "Query is too complex: 153", code="GRAPHQL_VALIDATION_FAILED")
        supplier.script.extend([rejection] * 3)
        async with NivodaClient.open(account(supplier.endpoint).nivoda, CountingLimiter()) as client:
            with pytest.raises(SupplierSchemaChanged, match="Query is too complex: 153"):
                await client.call(COUNT, {"query": {}})
    assert len(supplier.asked) == 1


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize("alternative", ["ids", "single"])
async def test_lookup_uses_available_alternative(alternative: str, introspection: bool) -> None:
    changed = (
        options("2026", introspection=introspection, rename=("DiamondQuery.filter_ids=ids",))
        if alternative == "ids"
        else options("2026", "DiamondQuery.filter_ids", introspection=introspection)
    )
    async with reading(changed, stones=5) as (supplier, feed):
        supplier.items[3] = published_item(3, **COLOR)
        found = await feed.lookup([stone_id(1), stone_id(3), "gone"], [stone_id(2)])
        assert {item.supplier_stone_id: item.stone is not None for item in found.found} == {
            stone_id(1): True,
            stone_id(3): False,
        }
        assert (set(found.absent), set(found.unclear)) == ({"gone"}, set())
        page = await feed.page(StoneQuery(), 0, 50)
        assert {item.supplier_stone_id for item in page.items if item.problem} == {stone_id(3)}
        assert (supplier.requests["Item"] > 0) is (alternative == "single")
        with pytest.raises(SupplierUnavailable):
            await feed.lookup([stone_id(1), "gone"], ["sold"])


async def test_single_lookups_are_limited_daily(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_module, "SINGLE_LOOKUP_LIMIT", 3)
    clock = Clock()
    async with reading(options("2026", "DiamondQuery.filter_ids"), stones=5, clock=clock) as (_, feed):
        first = await feed.lookup([stone_id(1), "a", "b", "c"], [stone_id(0)])
        assert (set(first.absent), set(first.unclear)) == ({"a", "b"}, {"c"})
        assert set((await feed.lookup(["d"], [stone_id(0)])).unclear) == {"d"}
        clock.seconds += 24 * HOUR
        assert set((await feed.lookup(["d"], [stone_id(0)])).absent) == {"d"}


async def test_schema_is_refreshed_daily() -> None:
    clock = Clock()
    async with reading(options("2024"), clock=clock) as (supplier, feed):
        await feed.count(StoneQuery())
        clock.seconds += 24 * HOUR - 1
        await feed.count(StoneQuery())
        assert supplier.requests["introspection"] == 1
        supplier.schema = ServedSchema(options("2026")).graphql
        clock.seconds += 1
        assert (await feed.capabilities()).differences == ()
        assert supplier.requests["introspection"] == 2


async def test_learned_rejections_expire_after_one_day() -> None:
    clock = Clock()
    async with reading(options("2024", introspection=False), clock=clock) as (supplier, feed):
        await feed.page(StoneQuery(), 0, 50)
        supplier.schema = ServedSchema(options("2026")).graphql
        assert len((await feed.capabilities()).differences) == 9
        clock.seconds += 24 * HOUR
        assert (await feed.capabilities()).differences == ()


@pytest.mark.parametrize("fault", [status(500), page_of_html(403), answer(b"{"), answer({"data": {"__schema": None}})])
async def test_failed_introspection_costs_one_request_and_is_retried_later(fault: Any) -> None:
    clock = Clock()
    async with scripted_supplier() as supplier:
        supplier.introspection = fault
        async with NivodaClient.open(account(supplier.endpoint).nivoda, CountingLimiter(), monotonic=clock) as client:
            for _ in range(3):
                await client.call(COUNT, {"query": {}})
            assert supplier.introspections == 1
            clock.seconds += 900
            await client.call(COUNT, {"query": {}})
            assert supplier.introspections == 2


async def test_rejected_login_is_no_schema_error() -> None:
    async with published_supplier([]) as supplier:
        chosen = account(supplier.endpoint, nivoda_password="wrong")
        async with NivodaClient.open(chosen.nivoda, CountingLimiter()) as client:
            with pytest.raises(SupplierRefused, match="Wrong username or password"):
                await client.call(COUNT, {"query": {}})


async def test_trading_repeats_rejected_document_without_missing_members() -> None:
    async with scripted_supplier() as supplier:
        rejection = refusal(400, 'Cannot query field "denied" on type "Hold".', code="GRAPHQL_VALIDATION_FAILED")
        free = answer({"data": {"as": {"get_diamond_by_id": {"diamond": {"id": "s", "availability": "AVAILABLE"}}}}})
        granted = answer({"data": {"as": {"create_hold": {"id": "h", "until": None}}}})
        supplier.script.extend([rejection, free, granted])
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            assert (await trading.create_hold("s")).id == "h"
    sent = [asked["query"] for asked in supplier.asked if "create_hold" in asked["query"]]
    assert ["denied" in query for query in sent] == [True, False]


async def test_rejected_document_is_not_repeated_when_stone_looks_traded() -> None:
    async with scripted_supplier() as supplier:
        rejection = refusal(400, 'Cannot query field "denied" on type "Hold".', code="GRAPHQL_VALIDATION_FAILED")
        held = {"id": "s", "availability": "HOLD", "HoldId": "h"}
        supplier.script.extend([rejection, answer({"data": {"as": {"get_diamond_by_id": {"diamond": held}}}})])
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            with pytest.raises(OutcomeUnknown):
                await trading.create_hold("s")
    assert len([asked for asked in supplier.asked if "create_hold" in asked["query"]]) == 1


async def test_uninformative_rejection_ends_request() -> None:
    async with scripted_supplier() as supplier:
        rejection = refusal(400, "The document is odd.", code="GRAPHQL_VALIDATION_FAILED")
        supplier.script.append(rejection)
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            with pytest.raises(SupplierError):
                await trading.create_hold("s")
    assert len([asked for asked in supplier.asked if "create_hold" in asked["query"]]) == 1


async def test_each_difference_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = structlog.testing.LogCapture()
    monkeypatch.setattr(supplier_schema, "log", structlog.wrap_logger(None, processors=[capture]))
    async with reading(options("2024")) as (_, feed):
        for _ in range(2):
            await feed.page(StoneQuery(updated_from=datetime.now(UTC)), 0, 50)
            await feed.capabilities()
    logged = [entry["difference"] for entry in capture.entries if entry["event"] == "supplier_schema_difference"]
    assert len(logged) == len(set(logged)) == 9
