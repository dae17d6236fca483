"""Number of statements of a request: one for each page and each count, for any selection."""

from uuid import UUID

import httpx
import pytest_asyncio

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.runs import build_partition, build_run, run_id

SMALL = "id"
LARGE = """
  id databaseId supplier supplierName shape carat color clarity cut polish symmetry fluorescence labGrown treated
  reportedGrades { shape color } fancyColor { color } certificate { lab number pdfUrl } measurements { lengthMm details }
  price { cents formatted } pricePerCarat { amount } supplierPrice { cents } markupRatio rating availability attributes
"""
IDS = [global_id("Diamond", build(number)["id"]) for number in range(3)]
RUN = global_id("SyncRun", run_id(1))
RULE = global_id("PricingRule", UUID(int=1))


def connection(selected: str, arguments: str = "first: 20") -> str:
    return f"diamonds({arguments}) {{ {selected} }}"


# Requests, and their number of statements.
COUNTED = [
    (connection(f"nodes {{ {SMALL} }}"), 1),
    (connection(f"nodes {{ {LARGE} }} edges {{ cursor node {{ {LARGE} }} }} pageInfo {{ hasNextPage endCursor }}"), 1),
    (connection(f"nodes {{ {LARGE} }}", "last: 20, sort: {by: COLOR, direction: DESC}"), 1),
    (connection("pageInfo { endCursor }"), 1),
    (connection("totalCount"), 1),
    (connection("a: totalCount b: totalCount"), 2),
    (
        connection(
            "facets { shapes { count } certificateLabs { count } carat { quantiles { median } } price { buckets { count } } }"
        ),
        1,
    ),
    (connection(f"totalCount facets {{ colors {{ value }} }} nodes {{ {LARGE} }}"), 3),
    (f"a: {connection('nodes { id }')} b: {connection('nodes { carat }')}", 2),
    (f'diamond(id: "{IDS[0]}") {{ {LARGE} }}', 1),
    (f'diamondByCertificate(lab: "GIA", number: "1000001") {{ {LARGE} }}', 1),
    (f"nodes(ids: {str(IDS).replace(chr(39), chr(34))}) {{ ... on Diamond {{ {LARGE} }} }}", 1),
    (f'nodes(ids: ["{IDS[0]}", "{RUN}", "{RULE}", "nobody"]) {{ id ... on Diamond {{ {LARGE} }} }}', 3),
    ('nodes(ids: ["nobody"]) { id }', 0),
    ("syncRuns(first: 5) { nodes { id status figures { fetched } plan { total } error { code } } }", 1),
    ("syncRuns { nodes { partitions { id } } edges { node { partitions { status priceFrom { cents } } } } }", 2),
    ("syncRuns { totalCount nodes { partitions { id } progress { total open } } pageInfo { endCursor } }", 4),
    (f'syncRun(id: "{RUN}") {{ partitions {{ id }} progress {{ total }} }}', 3),
    ("holds { nodes { state diamond { id carat } } totalCount }", 2),
    ("purchases { nodes { state diamond { id carat } } totalCount }", 2),
    ("pricingRules { id name markupRatio }", 1),
    ("me { clientId scopes { name } limits { pageSize } }", 0),
    ('job(id: "nobody") { id }', 0),
]


@pytest_asyncio.fixture
async def all_scopes_client(address: str, make_key: MakeKey, insert: Insert) -> httpx.AsyncClient:
    """A client with all scopes, and an inventory with every kind of data except trading."""
    await insert([build(number) for number in range(30)])
    await insert([build_run(number) for number in range(1, 4)], table="run_metadata")
    await insert([build_partition(number, part) for number in range(1, 4) for part in range(3)], table="worker_runs")
    return httpx.AsyncClient(base_url=address, headers={"X-API-Key": await make_key(*Scope)})


async def test_request_sends_one_statement_per_page_and_count(
    all_scopes_client: httpx.AsyncClient, statements: list[str]
) -> None:
    found = {}
    async with all_scopes_client:
        for text, _ in COUNTED:
            query = {"query": f"{{ {text} }}"}
            await all_scopes_client.post("/graphql", json=query)
            statements.clear()
            body = (await all_scopes_client.post("/graphql", json=query)).json()
            assert "errors" not in body, body
            # A key is looked up again after some seconds.
            found[text] = sum("api_keys" not in one for one in statements)
    assert found == dict(COUNTED)
