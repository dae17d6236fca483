"""REST contract: exact responses of each route and each error."""

import re

import httpx
import pytest

from app.auth.scopes import Scope
from inventory.catalog import statements as statements_of_search
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.errors import error

DIAMOND = {
    "id": "e6e6898f-af9a-5ae5-bf06-88b6ef95abeb",
    "supplier": "nivoda",
    "supplierStoneId": "stone-1",
    "offerId": "DIAMOND/1",
    "shape": "ROUND",
    "carats": 1.01,
    "color": "E",
    "clarity": "VS1",
    "cut": "EXCELLENT",
    "polish": "VERY_GOOD",
    "symmetry": "GOOD",
    "fluorescence": "FAINT",
    "labGrown": False,
    "treated": False,
    "retailPriceCents": 115_000,
    "rating": 7,
    "availability": "available",
    "rawAvailability": "AVAILABLE",
    "imageUrl": "https://example.com/1.jpg",
    "certificateLab": "GIA",
    "certificateNumber": "1000001",
    "measurements": {"crownAngle": 34.5},
    "attributes": {"fluorescenceColor": "BLUE", "location": "Antwerp"},
    "supplierName": "Example Diamonds",
    "supplierLegalName": "Example Diamonds Ltd",
    "status": "active",
    "sourceUpdatedAt": "2026-01-01T00:00:00Z",
    "createdAt": "2026-01-01T00:00:01Z",
    "updatedAt": "2026-01-01T00:00:01Z",
}
COST = {"supplierPriceCents": 100_000, "pricePerCaratCents": 99_010, "markupRatio": 1.15}

# A query string, and the matching diamonds of the test's five, newest first.
FILTERS = {
    "": [5, 4, 3, 2, 1],
    "shape=oval": [2],
    "color=D&color=F": [5, 1],
    "color[]=D&color[]=F": [5, 1],
    "clarity=IF": [3],
    "cut=very good": [4],
    "lab_grown=true": [4],
    "lab_grown=false": [5, 3, 2, 1],
    "carat_min=1.5&carat_max=2": [3, 2],
    "retail_price_min=300000&retail_price_max=400000": [4, 3],
    "availability=on_hold": [5],
    "certificate_lab=IGI&certificate_number=1000002": [2],
    "certificate_lab=igi": [2],
    "certificate_lab=%20I.G.I.%20": [2],
    "certificate_number=%201000002%20": [2],
    "carat_min=%201.5%20&carat_max=%202": [3, 2],
    "retail_price_min=%20300000&retail_price_max=400000%20": [4, 3],
    "lab_grown=true%20": [4],
    "shape=round&lab_grown=true&color=E": [4],
    "shape=pear": [],
}

# The same for five other diamonds, which differ in the criteria beside those of the contract.
FURTHER_FILTERS = {
    "polish=EX": [1],
    "symmetry=excellent&symmetry=fair": [2, 1],
    "fluorescence=none": [3],
    "fluorescence=very%20strong&fluorescence=none": [4, 3],
    "fancy_color=yellow&fancy_intensity=vivid": [5],
    "growth_method=cvd": [2],
    "treated=true": [3],
    "eye_clean=false": [4],
    "ratio_min=1.3&ratio_max=1.5": [2],
    "length_mm_min=8&length_mm_max=9": [2],
    "width_mm_max=6": [3],
    "height_mm_min=5": [4],
    "table_percent_min=60": [5],
    "depth_percent_max=60.5": [1],
    "has_video=true": [1],
    "has_image=false": [3],
    "has_spin360=true": [2],
    "delivery_days_max=3": [4],
    "returnable=false": [1],
    "returnable=true": [4, 3, 2],
    "retail_price_per_carat_min=200000": [5],
    "supplier=nivoda&polish=excellent": [1],
    "supplier=another": [],
    "stock_number=n000000002": [2],
    "search=n00000000": [5, 4, 3, 2, 1],
    "search=1000003": [3],
    "created_since=2026-01-01T00:00:04Z": [5, 4],
    "updated_since=2026-01-01T00:00:05Z": [5],
}

# A sort, and the order of the test's four diamonds.
SORTS = {
    "sort_by=created_at&sort_order=asc": [1, 2, 3, 4],
    "sort_by=created_at": [4, 3, 2, 1],
    "sort_by=color&sort_order=asc": [2, 4, 1, 3],
    "sort_by=color&sort_order=desc": [1, 4, 2, 3],
    "sort_by=clarity&sort_order=asc": [3, 1, 2, 4],
    "sort_by=carats&sort_order=desc": [3, 4, 2, 1],
    "sort_by=retail_price_cents&sort_order=asc": [4, 1, 2, 3],
    "sort_by=retail_price_per_carat_cents&sort_order=asc": [4, 3, 2, 1],
    "sort_by=cut&sort_order=asc": [2, 4, 1, 3],
    "sort_by=ratio&sort_order=asc": [1, 4, 2, 3],
    "sort_by=delivery_days&sort_order=asc": [2, 3, 1, 4],
    "sort_by=rating": [2, 4, 3, 1],
}


def numbers(response: httpx.Response) -> list[int]:
    """The numbers of the diamonds on a page."""
    assert response.status_code == 200, response.text
    return [int(diamond["supplierStoneId"].removeprefix("stone-")) for diamond in response.json()["data"]]


async def test_health_needs_no_key(address: str) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.get(f"{address}/health")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", response.json()["timestamp"])


async def test_ready_names_both_servers(address: str) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.get(f"{address}/ready")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ready", "checks": {"database": "ok", "redis": "ok"}},
    )


async def test_diamond_follows_contract(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    response = await api.get(f"/api/v2/diamonds/{DIAMOND['id']}")
    assert (response.status_code, response.json()) == (200, {"data": DIAMOND})


async def test_supplier_price_requires_scope(cost_client: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    response = await cost_client.get(f"/api/v2/diamonds/{DIAMOND['id']}")
    assert response.json() == {"data": {**DIAMOND, **COST}}


async def test_search_returns_diamonds_and_page_position(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(number) for number in range(1, 8)])
    response = await api.get("/api/v2/diamonds", params={"limit": 3, "page": 3})
    assert response.json() == {
        "data": [DIAMOND],
        "pagination": {"total": 7, "page": 3, "limit": 3, "totalPages": 3},
    }


async def test_empty_search_has_no_pages(api: httpx.AsyncClient) -> None:
    response = await api.get("/api/v2/diamonds")
    assert response.json() == {"data": [], "pagination": {"total": 0, "page": 1, "limit": 50, "totalPages": 0}}


async def test_missing_values_are_omitted(api: httpx.AsyncClient, insert: Insert) -> None:
    bare = ("offer_id", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "fluorescence_color", "treated",
            "rating", "raw_availability", "image_url", "certificate_lab", "certificate_number", "supplier_name",
            "supplier_legal_name")  # fmt: skip
    await insert([build(1, **dict.fromkeys(bare), measurements="{}", attributes="{}")])
    (diamond,) = (await api.get("/api/v2/diamonds")).json()["data"]
    assert set(diamond) == {
        "id", "supplier", "supplierStoneId", "shape", "carats", "labGrown", "retailPriceCents", "availability",
        "measurements", "attributes", "status", "sourceUpdatedAt", "createdAt", "updatedAt",
    }  # fmt: skip


async def test_only_active_diamonds_are_shown(api: httpx.AsyncClient, insert: Insert) -> None:
    gone = build(2, status="deleted", deleted_at=build(2)["created_at"])
    await insert([build(1), gone, build(3, status="quarantined")])
    assert numbers(await api.get("/api/v2/diamonds")) == [1]
    assert (await api.get("/api/v2/diamonds")).json()["pagination"]["total"] == 1
    assert (await api.get(f"/api/v2/diamonds/{gone['id']}")).status_code == 404


async def test_each_filter_matches_its_diamonds(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert(
        [
            build(1, color="D", carat_milli=1499, retail_price_cents=100_000),
            build(2, shape="OVAL", carat_milli=1500, certificate_lab="IGI", retail_price_cents=200_000),
            build(3, clarity="IF", carat_milli=2000, retail_price_cents=300_000),
            build(4, cut="VERY_GOOD", lab_grown=True, carat_milli=2001, retail_price_cents=400_000),
            build(5, color="F", availability="on_hold", carat_milli=300, retail_price_cents=500_000),
        ]
    )
    found = {query: numbers(await api.get(f"/api/v2/diamonds?{query}")) for query in FILTERS}
    assert found == FILTERS


async def test_each_further_filter_matches_its_diamonds(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert(
        [
            build(1, polish="EXCELLENT", symmetry="EXCELLENT", depth_milli=60_500, video_url="https://v.test/1", return_days=0),
            build(2, symmetry="FAIR", growth_method="CVD", ratio_milli=1400, length_milli=8100, spin_url="https://s.test/2"),
            build(3, fluorescence="NONE", treated=True, width_milli=5900, image_url=None),
            build(4, fluorescence="VERY_STRONG", eye_clean=False, height_milli=5000, delivery_max_days=3),
            build(
                5, fancy_color="YELLOW", fancy_intensity="FANCY_VIVID", table_milli=60_000, retail_price_cents=300_000,
                return_days=None,
            ),
        ]
    )  # fmt: skip
    found = {query: numbers(await api.get(f"/api/v2/diamonds?{query}")) for query in FURTHER_FILTERS}
    assert found == FURTHER_FILTERS


@pytest.mark.usefixtures("insert")
async def test_short_beginning_of_number_is_rejected(api: httpx.AsyncClient) -> None:
    status, body = error(await api.get("/api/v2/diamonds?search=10"))
    assert (status, body["details"]) == (400, {"search": "should hold at least 3 characters"})


async def test_each_sort_orders_by_grade_with_nulls_last(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert(
        [
            build(
                1,
                color="J",
                clarity="VVS1",
                carat_milli=300,
                retail_price_cents=2,
                cut="GOOD",
                ratio_milli=1100,
                delivery_max_days=9,
                rating=1,
            ),
            build(
                2,
                color="D",
                clarity="VS1",
                carat_milli=500,
                retail_price_cents=3,
                cut="IDEAL",
                ratio_milli=1300,
                delivery_max_days=1,
                rating=4,
            ),
            build(
                3,
                color=None,
                clarity="FL",
                carat_milli=2000,
                retail_price_cents=4,
                cut="FAIR",
                ratio_milli=None,
                delivery_max_days=5,
                rating=2,
            ),
            build(
                4,
                color="E",
                clarity="of another world",
                carat_milli=900,
                retail_price_cents=1,
                ratio_milli=1200,
                delivery_max_days=None,
                rating=3,
            ),
        ]
    )
    found = {query: numbers(await api.get(f"/api/v2/diamonds?{query}")) for query in SORTS}
    assert found == SORTS


@pytest.mark.parametrize("order", SORTS)
async def test_far_pages_continue_near_pages(
    api: httpx.AsyncClient, insert: Insert, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements_of_search, "_FAR", 4)
    rows = [build(number, color="DEFGH"[number % 5], carat_milli=500 + number % 3) for number in range(1, 12)]
    await insert([*rows, build(12, status="deleted", deleted_at=rows[0]["created_at"])])
    search = f"/api/v2/diamonds?clarity=VS1&{order}"
    whole = numbers(await api.get(search))
    pages = [numbers(await api.get(f"{search}&limit=2&page={page}")) for page in range(1, 7)]
    assert [number for page in pages for number in page] == whole
    assert sorted(whole) == list(range(1, 12))


async def test_page_beyond_end_is_not_searched(api: httpx.AsyncClient, insert: Insert, statements: list[str]) -> None:
    await insert([build(1), build(2)])
    for page in (2, 10_000_000):
        await api.get("/api/v2/diamonds")
        statements.clear()
        response = await api.get(f"/api/v2/diamonds?limit=2&page={page}")
        assert response.json() == {"data": [], "pagination": {"total": 2, "page": page, "limit": 2, "totalPages": 1}}
        assert not any("sort_value" in text for text in statements)


async def test_supplier_price_filters_and_sorts_with_scope(cost_client: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(number, supplier_price_cents=1000 * number) for number in (1, 2, 3)])
    query = "price_min=2000&price_max=3000&sort_by=supplier_price_cents&sort_order=asc"
    assert numbers(await cost_client.get(f"/api/v2/diamonds?{query}")) == [2, 3]


async def test_supplier_price_filter_and_sort_require_scope(api: httpx.AsyncClient) -> None:
    for query in ("price_min=1", "price_max=1", "sort_by=supplier_price_cents"):
        assert error(await api.get(f"/api/v2/diamonds?{query}")) == (
            403,
            {"code": "FORBIDDEN", "message": "This needs the scope prices:supplier."},
        )


async def test_invalid_parameters_are_named_individually(api: httpx.AsyncClient) -> None:
    status, body = error(await api.get("/api/v2/diamonds?color=AA&limit=0&lab_grown=no&unknown=1"))
    assert (status, body["code"]) == (400, "VALIDATION_ERROR")
    assert body["details"] == {
        "color": "should be one of D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z",
        "lab_grown": "should be one of true, false",
        "limit": "should be a whole number from 1 to 100",
    }


async def test_unknown_id_is_not_found(api: httpx.AsyncClient) -> None:
    for diamond_id in ("x", "00000000-0000-0000-0000-000000000000", "%00", "a" * 3000):
        assert error(await api.get(f"/api/v2/diamonds/{diamond_id}")) == (
            404,
            {"code": "NOT_FOUND", "message": "There is no diamond with this id."},
        )


async def test_unknown_path_and_method_have_same_error_format(api: httpx.AsyncClient) -> None:
    assert error(await api.get("/nope")) == (
        404,
        {"code": "NOT_FOUND", "message": "There is nothing at this address."},
    )
    response = await api.delete("/api/v2/diamonds")
    assert error(response) == (405, {"code": "BAD_REQUEST", "message": "Method Not Allowed."})
    assert "GET" in response.headers["allow"]


async def test_requests_without_valid_key_are_rejected(address: str) -> None:
    anonymous: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=address) as client:
        for path in ("/api/v2/diamonds", "/api/v2/diamonds/x"):
            for headers, message in (
                (anonymous, "Send an API key in the header X-API-Key."),
                ({"X-API-Key": "nonsense"}, "The API key is not valid."),
                ({"Authorization": "Basic eDp5"}, "Send an API key in the header X-API-Key."),
            ):
                response = await client.get(path, headers=headers)
                assert error(response) == (401, {"code": "UNAUTHORIZED", "message": message})
                assert response.headers["www-authenticate"] == "Bearer"


async def test_key_without_scope_is_rejected(address: str, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        response = await client.get("/api/v2/diamonds")
    assert error(response) == (403, {"code": "FORBIDDEN", "message": "This needs the scope diamonds:read."})


async def test_unexpected_error_discloses_nothing(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1, measurements="{}", attributes="[]")])  # a value that the mapping never writes
    status, body = error(await api.get("/api/v2/diamonds"))
    assert (status, body) == (
        500,
        {"code": "INTERNAL_ERROR", "message": "The request failed because of an internal error."},
    )


async def test_page_and_total_are_one_statement_each(
    api: httpx.AsyncClient, insert: Insert, statements: list[str]
) -> None:
    await insert([build(number) for number in range(5)])
    # The key is now cached, and the connections know the types of their parameters.
    for limit in (1, 2):
        await api.get(f"/api/v2/diamonds?color=E&limit={limit}")
    statements.clear()
    await api.get("/api/v2/diamonds?color=E&limit=3")
    assert "FROM event_counter" in statements[0]  # the version of the data, for the ETag
    assert sorted("SELECT count" in text for text in statements[1:]) == [False, True]
    statements.clear()
    await api.get("/api/v2/diamonds?color=E&limit=3")
    assert ["FROM event_counter" in text for text in statements] == [True], "the body is stored"
    await api.get(f"/api/v2/diamonds/{build(2)['id']}")
    statements.clear()
    await api.get(f"/api/v2/diamonds/{build(3)['id']}")
    assert ["FROM event_counter" in text for text in statements] == [True, False]


async def test_hidden_values_are_not_read(
    api: httpx.AsyncClient, cost_client: httpx.AsyncClient, insert: Insert, statements: list[str]
) -> None:
    await insert([build(1)])
    await api.get("/api/v2/diamonds")
    assert not any("supplier_price_cents" in text or "markup_ratio" in text for text in statements)
    await cost_client.get("/api/v2/diamonds")
    assert any("supplier_price_cents" in text and "markup_ratio" in text for text in statements)


async def test_response_names_no_server_and_has_trace_id(api: httpx.AsyncClient) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    for path in ("/health", "/api/v2/diamonds", "/nope", "/graphql"):
        response = await api.get(path, headers=sent)
        assert response.headers["x-request-id"] == trace_id
        assert "server" not in response.headers
    own = await api.get("/health", headers={"traceparent": "00-0-0-0"})
    assert re.fullmatch("[0-9a-f]{32}", own.headers["x-request-id"])
