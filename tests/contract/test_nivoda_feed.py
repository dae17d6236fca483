"""Feed reader with the simulated supplier: complete, ordered and exact, with and without faults."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.core.errors import SupplierUnavailable
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import COUNT, PAGES
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import ObservedItem, StoneQuery
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.contract.nivoda import Act, CountingLimiter, account, answer, scripted_supplier
from tests.unit.suppliers.items import payload

STONES = 430
NOW = datetime(2026, 2, 12, 12, 0, tzinfo=UTC)


class SimulatedFeed:
    """The simulator, a feed that reads it, and the simulator's statistics."""

    def __init__(
        self, simulator: Simulator, feed: NivodaFeed, limiter: CountingLimiter, http: httpx.AsyncClient
    ) -> None:
        self.simulator = simulator
        self.feed = feed
        self.limiter = limiter
        self._http = http

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        response = await self._http.request(verb, f"{self.simulator.control}/control/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def truth(self) -> dict[str, dict[str, Any]]:
        return {stone["id"]: stone for stone in await self.control("GET", f"stones?offset=0&limit={10 * STONES}")}

    async def read(self, query: StoneQuery | None = None) -> list[ObservedItem]:
        """Every page, sequentially."""
        items: list[ObservedItem] = []
        while True:
            page = await self.feed.page(query or StoneQuery(), len(items), self.feed.page_size)
            items += page.items
            if len(page.items) < self.feed.page_size:
                return items


@pytest.fixture
async def supplier() -> AsyncIterator[SimulatedFeed]:
    limiter = CountingLimiter()
    async with (
        Simulator(Options(stones=STONES, bad_data_share=0.3)) as simulator,
        httpx.AsyncClient(timeout=30) as http,
    ):
        chosen = account(
            simulator.endpoint,
            nivoda_username=DEFAULT_ACCOUNT.username,
            nivoda_password=DEFAULT_ACCOUNT.password,
            nivoda_timeout_seconds=0.5,
            nivoda_tries=12,
        )
        async with NivodaClient.open(chosen.nivoda, limiter) as client:
            yield SimulatedFeed(simulator, NivodaFeed(client), limiter, http)


def agrees(observed: ObservedItem, stone: dict[str, Any]) -> bool:
    """Whether the observation equals the supplier's values."""
    if not stone["usable"]:
        return observed.stone is None
    return observed.stone is not None and (
        observed.stone.supplier_price_cents,
        observed.stone.carat_milli,
        observed.stone.offer_id,
        observed.stone.lab_grown,
    ) == (stone["price"], round(stone["carats"] * 1000), stone["offer_id"], stone["labgrown"])


async def test_pages_contain_all_stones_with_bad_ones_marked(supplier: SimulatedFeed) -> None:
    truth, items = await supplier.truth(), await supplier.read()
    assert {item.supplier_stone_id for item in items} == set(truth)
    assert len(items) == len(truth) == STONES
    assert [item for item in items if not agrees(item, truth[item.supplier_stone_id])] == []
    assert 20 < sum(item.problem is not None for item in items) < 150


async def test_pages_are_ordered_by_price_with_unpriced_stones_last(supplier: SimulatedFeed) -> None:
    prices = [item.stone.supplier_price_cents for item in await supplier.read() if item.stone]
    assert prices == sorted(prices)
    unpriced = next(row["id"] for row in (await supplier.truth()).values() if row["usable"])
    await supplier.control("POST", "update", {"id": unpriced, "indexed": False})
    last = (await supplier.feed.page(StoneQuery(), STONES - 1, 1)).items
    assert [item.supplier_stone_id for item in last] == [unpriced]


@pytest.mark.parametrize("kind", ["status", "reset", "truncate", "errors", "token", "stall"])
async def test_all_stones_arrive_with_fifth_of_calls_failing(supplier: SimulatedFeed, kind: str) -> None:
    rule = {"kind": kind, "share": 0.2, **({"seconds": 2, "count": 3} if kind == "stall" else {})}
    await supplier.control("POST", "faults", {"seed": 3, "rules": [rule]})
    items = await supplier.read()
    await supplier.control("DELETE", "faults")
    truth = await supplier.truth()
    assert [agrees(item, truth[item.supplier_stone_id]) for item in items] == [True] * STONES
    calls = (await supplier.control("GET", "calls"))["total"]
    assert calls > STONES // supplier.feed.page_size + 2
    assert supplier.limiter.turns == calls


async def test_http_429_pauses_for_requested_time_and_loses_nothing(supplier: SimulatedFeed) -> None:
    rules = [
        {"kind": "status", "status": 429, "retry_after": 2, "share": 0.3},
        {"kind": "status", "status": 429, "share": 0.2},
    ]
    await supplier.control("POST", "faults", {"seed": 3, "rules": rules})
    assert len(await supplier.read()) == STONES
    assert 2 in supplier.limiter.pauses
    assert any(0 < pause < 1 for pause in supplier.limiter.pauses)


async def test_transient_bad_data_affects_no_valid_stone(supplier: SimulatedFeed) -> None:
    rule = {"kind": "bad_data", "share": 1, "variants": ["unknown_field", "usable"]}
    await supplier.control("POST", "faults", {"seed": 5, "rules": [rule]})
    items = await supplier.read()
    await supplier.control("DELETE", "faults")
    truth = await supplier.truth()
    assert [item for item in items if truth[item.supplier_stone_id]["usable"] and item.stone is None] == []


async def test_counts_equal_pages_of_same_query(supplier: SimulatedFeed) -> None:
    bands = [
        StoneQuery(price_to=400),
        StoneQuery(price_from=400, price_to=2_000),
        StoneQuery(price_from=2_000),
        StoneQuery(),
    ]
    for band in bands:
        assert await supplier.feed.count(band) == len(await supplier.read(band))


async def test_band_contains_both_edges_and_cents_between(supplier: SimulatedFeed) -> None:
    ids = [item.supplier_stone_id for item in await supplier.read() if item.stone][:6]
    prices = [39_999, 40_000, 40_001, 40_050, 40_100, 40_101]
    for stone_id, cents in zip(ids, prices, strict=True):
        await supplier.control("POST", "update", {"id": stone_id, "set": {"price": cents}})
    found = {item.supplier_stone_id for item in await supplier.read(StoneQuery(price_from=400, price_to=401))}
    assert [stone_id in found for stone_id in ids] == [False, True, True, True, True, False]


async def test_window_contains_changes_in_it(supplier: SimulatedFeed) -> None:
    before = datetime.now(UTC)
    changed = await supplier.control("POST", "change", {"count": 5, "seed": 1, "fields": ["price"]})
    after = datetime.now(UTC)
    window = StoneQuery(updated_from=before, updated_to=after)
    assert {item.supplier_stone_id for item in await supplier.read(window)} == set(changed["ids"])
    assert await supplier.feed.count(StoneQuery(updated_from=after + timedelta(seconds=1))) == 0
    far_away = timezone(timedelta(hours=9))
    in_other_words = StoneQuery(updated_from=before.astimezone(far_away), updated_to=after.astimezone(far_away))
    assert await supplier.feed.count(in_other_words) == 5


async def test_lookup_distinguishes_existing_from_removed_stones(supplier: SimulatedFeed) -> None:
    ids = sorted(await supplier.truth())[:50]
    await supplier.control("POST", "remove", {"ids": ids[:3]})
    found = await supplier.feed.lookup(ids[:47], ids[47:])
    assert {item.supplier_stone_id for item in found.found} == set(ids[3:47])
    assert (set(found.absent), set(found.unclear)) == (set(ids[:3]), set())


@pytest.mark.parametrize(("ids", "witnesses"), [([], ["w"]), (["x"] * 48, ["w"]), (["x"], ["w"] * 4)])
async def test_lookup_of_invalid_size_is_rejected_before_sending(
    supplier: SimulatedFeed, ids: list[str], witnesses: list[str]
) -> None:
    with pytest.raises(ValueError, match="1 to 47 ids"):
        await supplier.feed.lookup(ids, witnesses)
    assert supplier.limiter.turns == 0


@pytest.mark.parametrize("limit", [0, 51])
async def test_page_of_invalid_size_is_rejected_before_sending(supplier: SimulatedFeed, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 50 stones"):
        await supplier.feed.page(StoneQuery(), 0, limit)
    assert supplier.limiter.turns == 0


async def test_page_has_instant_of_receipt(supplier: SimulatedFeed) -> None:
    before = time.monotonic()
    assert before <= (await supplier.feed.page(StoneQuery(), 0, 1)).received <= time.monotonic()


def test_page_counts_are_never_selected() -> None:
    for pages in PAGES.values():
        assert all("total_count" not in operation.document for operation in (pages.full, *pages.smaller))
    assert "diamonds_by_query_count" in COUNT.document


@pytest.mark.parametrize(
    "data", [None, {"as": None}, {"as": {"diamonds_by_query": None}}, {"as": {"diamonds_by_query": {"items": None}}}]
)
async def test_response_without_list_is_error_and_not_end_of_feed(data: Any) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.extend([answer({"data": data})] * 2)
        async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=2).nivoda, CountingLimiter()) as client:
            with pytest.raises(SupplierUnavailable, match="can't be read"):
                await NivodaFeed(client).page(StoneQuery(), 0, 50)


async def test_page_with_damaged_items_loses_no_valid_item() -> None:
    damage = [
        rb'{"diamond": {"id": "\ud83d"}}',
        b'{"diamond": {"id": "a", "certificate": {"lab": "\xff"}}}',
        b'{"a": "\x00"}',
        b"null",
    ]
    good = payload()
    body = b'{"data": {"as": {"diamonds_by_query": {"items": [%b]}}}}' % b",".join([good, *damage, good])
    async with scripted_supplier() as supplier:
        supplier.script.extend([answer(body)] * 4)
        async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, CountingLimiter()) as client:
            page = await NivodaFeed(client).page(StoneQuery(), 0, 50)
    assert (page.unidentified, page.length) == ([4], 6)
    assert [item.problem for item in page.items] == [
        None,
        "diamond.id: holds half a surrogate pair",
        "diamond.certificate.lab: holds bytes that are not UTF-8",
        "diamond.id: is missing",
        None,
    ]
    assert page.items[0].payload == page.items[-1].payload == good


@pytest.mark.parametrize("shown", [b"null", b"{}", b'{"id": null, "diamond": {"id": null}}'])
async def test_stone_missing_in_page_is_requested_by_id(shown: bytes) -> None:
    def act(*items: bytes) -> Act:
        return answer(b'{"data": {"as": {"diamonds_by_query": {"items": [%b]}}}}' % b",".join(items))

    good, other = payload(), payload({"diamond.id": "other", "diamond.certificate": None})
    async with scripted_supplier() as supplier:
        supplier.script.extend([act(shown, good), act(b'{"diamond": {"id": "other"}}', good), act(other)])
        async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, CountingLimiter()) as client:
            page = await NivodaFeed(client).page(StoneQuery(), 0, 50)
    assert [item.payload for item in page.items] == [other, good]
    assert supplier.asked[-1]["variables"]["query"] == {"filter_ids": ["other"], "search_on_markup_price": False}


async def test_postgres_stores_every_payload_and_value(database_url: str) -> None:
    """An unstorable value would stop its page and its neighbours repeatedly."""
    connection = await asyncpg.connect(database_url)
    good = payload()
    edits = st.tuples(st.integers(0, len(good)), st.integers(0, 6), st.binary(max_size=8))
    odd = st.sampled_from(
        [b"\x00", rb"\u0000", rb"\ud800", b"\xff", b"\x01", b'"', b"\\", b"[" * 3_000, b"9" * 5_000, b"1e999"]
    )
    received: list[bytes] = [b"[" * 400 + b"]" * 400, b"[" * 5_000 + b"]" * 5_000]

    @settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(edit=edits, text=st.binary(max_size=8) | odd)
    def collect(edit: tuple[int, int, bytes], text: bytes) -> None:
        place, length, more = edit
        received.append(good[:place] + text + more + good[place + length :])

    collect()
    for observed in map(observe, received):
        await connection.execute(
            "SELECT $1::text::json, $2::text, $3::text",
            observed.payload.decode(),
            observed.supplier_stone_id,
            observed.problem,
        )
        if observed.stone:
            texts = [observed.stone.raw_shape, observed.stone.supplier_name, observed.stone.certificate_lab]
            objects = [json.loads(text) for text in (observed.stone.measurements, observed.stone.attributes)]
            await connection.execute("SELECT $1::text[], $2::jsonb[]", texts, [json.dumps(one) for one in objects])
    await connection.close()
