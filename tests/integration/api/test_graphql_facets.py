"""Facets, nodes, certificates and the caller's identity: results and number of statements."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from app.auth.scopes import Scope
from inventory.catalog import grades
from inventory.catalog.facets import MEASURED
from tests.integration.api.diamonds import Insert, MakeKey, Query, Row, build

FACETS = """{ diamonds(%s) { totalCount facets%s {
  shapes { value count } colors { value count } clarities { value count } cuts { value count } certificateLabs { value count }
  labGrown { value count }
  price { buckets { min max count } quantiles { min { cents } median { cents } max { cents } } }
  carat { buckets { min max count } quantiles { min p5 p25 median p75 p95 max } }
} } }"""


def varied(count: int) -> list[Row]:
    dice = random.Random(7)
    return [
        build(
            number,
            shape=dice.choice(["ROUND", "OVAL", "OTHER"]),
            color=dice.choice(["D", "E", "unheard of", None]),
            clarity=dice.choice(["FL", "VS1", None]),
            cut=dice.choice(["IDEAL", "GOOD", None]),
            certificate_lab=dice.choice(["GIA", "IGI", None]),
            lab_grown=dice.random() < 0.5,
            retail_price_cents=round(10 ** dice.uniform(3.5, 8)),
            carat_milli=dice.randint(150, 12_000),
        )
        for number in range(count)
    ]


def counted(facet: list[dict[str, Any]]) -> dict[Any, int]:
    return {entry["value"]: entry["count"] for entry in facet}


async def test_facets_count_matching_diamonds(query: Query, insert: Insert) -> None:
    rows = varied(200)
    await insert([*rows, build(999, status="quarantined")])
    page = (await query(FACETS % ("filter: {clarities: [VS1]}", "")))["data"]["diamonds"]
    matching = [row for row in rows if row["clarity"] == "VS1"]
    facets = page["facets"]
    assert page["totalCount"] == len(matching)
    known = set(grades.COLORS) | {None}
    colors = Counter(row["color"] if row["color"] in known else "OTHER" for row in matching)
    assert counted(facets["colors"]) == colors
    for name, column in (("shapes", "shape"), ("clarities", "clarity"), ("cuts", "cut"), ("certificateLabs", "certificate_lab"),
                         ("labGrown", "lab_grown")):  # fmt: skip
        assert counted(facets[name]) == Counter(row[column] for row in matching)


async def test_bucket_count_equals_search_between_its_edges(query: Query, insert: Insert) -> None:
    rows = varied(150)
    await insert(rows)
    facets = (await query(FACETS % ("first: 1", "")))["data"]["diamonds"]["facets"]
    assert sum(bucket["count"] for bucket in facets["price"]["buckets"]) == 150
    assert len(facets["price"]["buckets"]) > 10
    for bucket in facets["carat"]["buckets"]:
        found = await query(
            "query ($min: Float, $max: Float) { diamonds(filter: {carat: {min: $min, max: $max}}) { totalCount } }",
            min=bucket["min"],
            max=bucket["max"],
        )
        assert found["data"]["diamonds"]["totalCount"] == bucket["count"]
    edges = MEASURED["retail_price_cents"]
    for bucket in facets["price"]["buckets"]:
        low, high = bucket["min"], bucket["max"]
        assert low is None or low in edges
        inside = [
            row for row in rows
            if (low is None or row["retail_price_cents"] >= low) and (high is None or row["retail_price_cents"] <= high)
        ]  # fmt: skip
        assert len(inside) == bucket["count"]


async def test_quantiles_are_values_at_share(query: Query, insert: Insert) -> None:
    rows = varied(101)
    await insert(rows)
    facets = (await query(FACETS % ("first: 1", "")))["data"]["diamonds"]["facets"]
    prices = sorted(row["retail_price_cents"] for row in rows)
    assert {name: value["cents"] for name, value in facets["price"]["quantiles"].items()} == {
        "min": prices[0],
        "median": prices[50],
        "max": prices[100],
    }
    weights = sorted(row["carat_milli"] / 1000 for row in rows)
    assert facets["carat"]["quantiles"] == {
        "min": weights[0], "p5": weights[5], "p25": weights[25], "median": weights[50], "p75": weights[75],
        "p95": weights[95], "max": weights[100],
    }  # fmt: skip


async def test_facet_that_disregards_own_criterion_counts_alternatives(query: Query, insert: Insert) -> None:
    rows = varied(200)
    await insert(rows)
    arguments = "filter: {shapes: [OVAL], clarities: [FL, VS1], carat: {min: 3}, treated: false}"
    facets = (await query(FACETS % (arguments, "(disregardOwn: true)")))["data"]["diamonds"]["facets"]
    fits: dict[str, Callable[[Row], bool]] = {
        "shape": lambda row: row["shape"] == "OVAL",
        "clarity": lambda row: row["clarity"] is not None,
        "carat": lambda row: row["carat_milli"] >= 3000,
    }

    def matching(*left_out: str) -> list[Row]:
        return [row for row in rows if all(test(row) for name, test in fits.items() if name not in left_out)]

    assert counted(facets["shapes"]) == Counter(row["shape"] for row in matching("shape"))
    assert counted(facets["clarities"]) == Counter(row["clarity"] for row in matching("clarity"))
    assert counted(facets["certificateLabs"]) == Counter(row["certificate_lab"] for row in matching())
    assert sum(bucket["count"] for bucket in facets["carat"]["buckets"]) == len(matching("carat"))
    assert sum(bucket["count"] for bucket in facets["price"]["buckets"]) == len(matching())


async def test_every_facet_value_and_bucket_is_valid_filter(query: Query, insert: Insert) -> None:
    dice = random.Random(8)
    rows = [
        {
            **row,
            **build(
                number,
                **{name: row[name] for name in ("shape", "color", "carat_milli", "retail_price_cents", "lab_grown")},
                polish=dice.choice(["IDEAL", "rare", None]),
                fluorescence=dice.choice(["NONE", "STRONG", None]),
                fluorescence_color=dice.choice(["BLUE", "YELLOW", None]),
                fancy_color=dice.choice(["PINK", None]),
                growth_method=dice.choice(["CVD", "HPHT", None]),
                availability=dice.choice(["available", "sold", "unavailable"]),
                ratio_milli=dice.choice([None, 1010, 1333, 2600]),
                delivery_max_days=dice.choice([None, 3, 12]),
                measurements_hidden=dice.random() < 0.2,
            ),
        }
        for number, row in enumerate(varied(120))
    ]
    await insert(rows)
    every = "availability: [AVAILABLE, ON_HOLD, SOLD, UNAVAILABLE]"
    lists = ("shapes", "colors", "polishes", "fluorescences", "fluorescenceColors", "fancyColors", "growthMethods",
             "availability", "certificateLabs")  # fmt: skip
    types = dict(zip(lists, ("Shape", "ColorGrade", "CutGrade", "Fluorescence", "String", "String", "GrowthMethod",
                             "Availability", "String"), strict=True))  # fmt: skip
    ranges = {"price": "CentsRange", "carat": "FloatRange", "ratio": "FloatRange", "tablePercent": "FloatRange",
              "depthPercent": "FloatRange", "deliveryDays": "IntRange"}  # fmt: skip
    selected = " ".join(f"{name} {{ value count }}" for name in lists)
    selected += " ".join(f" {name} {{ buckets {{ min max count }} }}" for name in ranges)
    for edges in ("", "(edges: {price: [1, 500000], carat: [0.5, 1.005], ratio: [1.3], deliveryDays: [3, 10]})"):
        page = (await query(f"{{ diamonds(filter: {{{every}}}) {{ facets{edges} {{ {selected} }} }} }}"))["data"][
            "diamonds"
        ]
        for name, kind in types.items():
            assert page["facets"][name], name
            document = f"query ($v: [{kind}!]) {{ diamonds(filter: {{{name}: $v{'' if name == 'availability' else ', ' + every}}}) {{ totalCount }} }}"
            for entry in page["facets"][name]:
                if entry["value"] is not None:
                    found = await query(document, v=[entry["value"]])
                    assert found["data"]["diamonds"]["totalCount"] == entry["count"], (name, entry)
        for name, kind in ranges.items():
            document = f"query ($v: {kind}) {{ diamonds(filter: {{{name}: $v, {every}}}) {{ totalCount }} }}"
            for bucket in page["facets"][name]["buckets"]:
                found = await query(document, v={end: bucket[end] for end in ("min", "max")})
                assert found["data"]["diamonds"]["totalCount"] == bucket["count"], (name, bucket)
    wrong = "{ diamonds { facets(edges: {price: [2, 1], ratio: []}) { price { buckets { count } } } } }"
    assert set((await query(wrong))["errors"][0]["extensions"]["fields"]) == {"edges.price", "edges.ratio"}


async def test_empty_result_has_empty_facets(query: Query) -> None:
    page = (await query(FACETS % ("first: 1", "")))["data"]["diamonds"]
    empty: dict[str, Any] = {"buckets": [], "quantiles": None}
    assert page == {
        "totalCount": 0,
        "facets": {name: [] for name in ("shapes", "colors", "clarities", "cuts", "certificateLabs", "labGrown")}
        | {"price": empty, "carat": empty},
    }


async def test_facets_are_one_statement_with_requested_columns(query: Query, statements: list[str]) -> None:
    for document, expected in (
        ("{ diamonds { facets { shapes { count } price { quantiles { median { cents } } } } } }", 1),
        ("{ diamonds { facets { __typename } } }", 0),
        ("{ diamonds { nodes { id } } }", 1),
    ):
        await query(document)  # the key is cached, and so are the types of the parameters
        statements.clear()
        await query(document)
        assert len(statements) == expected, document
    await query("{ diamonds { facets { shapes { count } } } }")
    (text,) = (text for text in statements if "matching" in text)
    assert "SELECT shape FROM diamonds" in text
    assert "bucket" not in text


async def test_nodes_have_order_of_ids_and_are_one_statement(
    query: Query, insert: Insert, statements: list[str]
) -> None:
    await insert([build(1), build(2), build(3, status="deleted", deleted_at=build(3)["created_at"])])
    page = await query("{ diamonds(sort: {by: CREATED_AT}) { nodes { id } } }")
    first, second = (node["id"] for node in page["data"]["diamonds"]["nodes"])
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Diamond { supplierStoneId } } }"
    await query(document, ids=[first])
    statements.clear()
    body = await query(document, ids=[second, "nonsense", first, second, str(build(3)["id"])])
    found = {
        number: {"__typename": "Diamond", "id": key, "supplierStoneId": f"stone-{number}"}
        for number, key in ((1, first), (2, second))
    }
    assert body == {"data": {"nodes": [found[2], None, found[1], found[2], None]}}
    assert len(statements) == 1
    refused = await query(document, ids=[first] * 101)
    assert refused["errors"][0]["extensions"]["fields"] == {"ids": "should contain at most 100 ids"}


async def test_certificate_returns_cheapest_offer(query: Query, insert: Insert, statements: list[str]) -> None:
    await insert(
        [
            build(1, certificate_number="77", retail_price_cents=300),
            build(2, certificate_number="77", retail_price_cents=200),
            build(3, certificate_number="77", certificate_lab="IGI", retail_price_cents=100),
            build(4, certificate_number="78"),
        ]
    )
    document = "query ($l: String!, $n: String!) { diamondByCertificate(lab: $l, number: $n) { supplierStoneId } }"
    assert (await query(document, l="GIA", n="77"))["data"]["diamondByCertificate"] == {"supplierStoneId": "stone-2"}
    statements.clear()
    assert (await query(document, l="GIA", n="79"))["data"]["diamondByCertificate"] is None
    assert len(statements) == 1
    refused = await query(document, l="", n="77")
    assert refused["errors"][0]["extensions"]["fields"] == {"lab": "should contain texts of 1 to 200 characters"}


async def test_me_returns_identity_scopes_and_limits(address: str, make_key: MakeKey) -> None:
    key = await make_key(Scope.DIAMONDS_READ, Scope.SYNC_READ)
    document = "{ me { clientId keyId scopes { name meaning } limits { pageSize aliases } } }"
    async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client:
        body = (await client.post("/graphql", json={"query": document})).json()
    assert body["data"]["me"] == {
        "clientId": "test-client",
        "keyId": key.split("_")[2],
        "scopes": [
            {"name": "diamonds:read", "meaning": "Search and read diamonds."},
            {"name": "sync:read", "meaning": "Read sync runs."},
        ],
        "limits": {"pageSize": 100, "aliases": 15},
    }
