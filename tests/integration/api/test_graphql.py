"""GraphQL searches: results, sorts, cursors, number of statements."""

from typing import Any

import httpx
import pytest

from tests.integration.api.diamonds import Insert, Query, build

SORTS = [
    "PRICE", "CARAT", "PRICE_PER_CARAT", "COLOR", "CLARITY", "CREATED_AT", "RATING", "CUT", "RATIO", "DELIVERY", "SUPPLIER_PRICE",
]  # fmt: skip
WALK = """
query Walk($by: DiamondSortField!, $direction: SortDirection!, $first: Int, $after: String, $last: Int, $before: String) {
  diamonds(sort: {by: $by, direction: $direction}, first: $first, after: $after, last: $last, before: $before) {
    nodes { supplierStoneId }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

# A criterion, and the diamond of the test's three that matches it.
CRITERIA = {
    "shapes: [OVAL]": [2],
    "carat: {min: 1.01, max: 1.01}": [1],
    "price: {max: 1}": [3],
    "colors: [D, F]": [1],
    "clarities: [IF]": [2],
    "cuts: [POOR]": [3],
    "polishes: [IDEAL]": [1],
    "symmetries: [IDEAL]": [2],
    "fluorescences: [NONE]": [3],
    'fancyColors: ["PINK"]': [1],
    'fancyIntensities: ["VIVID"]': [2],
    'fancyOvertones: ["BROWNISH"]': [3],
    "labGrown: true": [2],
    "labGrown: false": [1, 3],
    "treated: true": [3],
    'fancyColors: [" pinkish "]': [1],
    'fancyIntensities: ["vivid"]': [],
    'fancyOvertones: ["Brown"]': [],
    'certificateLabs: ["IGI"]': [3],
    'certificateLabs: ["igi", "I.G.I."]': [3],
    'certificateNumbers: ["1000002"]': [2],
    'certificateNumbers: [" 1000002 "]': [2],
    "lengthMm: {min: 9}": [1],
    "widthMm: {min: 9}": [2],
    "heightMm: {min: 9}": [3],
    "ratio: {min: 1.5}": [1],
    "tablePercent: {max: 50}": [2],
    "depthPercent: {max: 50}": [3],
    "eyeClean: false": [1],
    "brownTinge: true": [2],
    "greenTinge: true": [3],
    "milky: false": [1],
    "hasImage: false": [2],
    "hasVideo: true": [3],
    "availability: [SOLD, ON_HOLD]": [1, 2],
    'suppliers: ["other"]': [3],
    "rating: {min: 9}": [1],
    'createdSince: "2026-01-01T01:00:02+01:00"': [2, 3],
    'updatedSince: "2026-01-01T00:00:03Z"': [3],
    "ids: []": [],
    'ids: ["RGlhbW9uZDplNmU2ODk4Zi1hZjlhLTVhZTUtYmYwNi04OGI2ZWY5NWFiZWI="]': [1],
    "labGrown: null, shapes: null, carat: null": [1, 2, 3],
    "carat: {}": [1, 2, 3],
    "color: {from: D, to: D}": [1],
    "color: {to: D}": [1],
    "colors: [D, E], color: {from: E}": [2, 3],
    "clarity: {from: FL, to: IF}": [2],
    "polish: {to: IDEAL}": [1],
    "polishes: [OTHER]": [3],
    "polishes: [IDEAL, OTHER]": [1, 3],
    'fluorescenceColors: ["yellow"]': [3],
    "growthMethods: [CVD]": [2],
    'stockNumbers: ["n000000002"]': [2],
    'stockNumbers: ["EX0000001", "N000000003"]': [1, 3],
    'search: "n00000000"': [1, 2, 3],
    'search: "ex0000003"': [3],
    'search: "1000001"': [1],
    'search: "000001"': [],
    "hasSpin360: true": [1],
    "returnable: true": [2, 3],
    "returnable: false": [1],
    "deliveryDays: {max: 6}": [1, 3],
    "exclude: {shapes: [OVAL]}": [1, 3],
    "exclude: {milky: false}": [2, 3],
    "exclude: {brownTinge: true, colors: [D]}": [3],
    "shapes: [ROUND], labGrown: false, colors: [D]": [1],
}


def mixed(count: int) -> list[dict[str, Any]]:
    """Diamonds with many ties and some nulls in every sortable column."""
    return [
        build(
            number,
            carat_milli=300 + number % 7,
            retail_price_cents=1000 + number % 5,
            color=("D", "E", None, "unheard of")[number % 4],
            clarity=("FL", None, "VS1")[number % 3],
            rating=(None, 1, 10, 5)[number % 4],
            created_at=build(number % 6)["created_at"],
            supplier_price_cents=500 + number % 4,
        )
        for number in range(count)
    ]


def codes(body: Any) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


async def test_diamond_has_money_grades_and_certificate(query: Query, insert: Insert) -> None:
    await insert([build(1, color="unheard of", fancy_color="PINK", carat_milli=1010, retail_price_cents=115_000)])
    body = await query("""{ diamonds { nodes {
      id databaseId supplier supplierStoneId supplierName shape carat color clarity cut polish symmetry fluorescence
      fluorescenceColor labGrown treated eyeClean brownTinge greenTinge milky imageUrl videoUrl rating availability
      reportedGrades { shape color clarity cut polish symmetry fluorescence availability }
      fancyColor { color intensity overtone }
      certificate { lab number pdfUrl }
      measurements { lengthMm widthMm heightMm ratio tablePercent depthPercent details }
      price { cents currency amount formatted } pricePerCarat { cents }
      attributes sourceUpdatedAt createdAt updatedAt
    } } }""")
    assert body == {"data": {"diamonds": {"nodes": [{
        "id": "RGlhbW9uZDplNmU2ODk4Zi1hZjlhLTVhZTUtYmYwNi04OGI2ZWY5NWFiZWI=",
        "databaseId": "e6e6898f-af9a-5ae5-bf06-88b6ef95abeb",
        "supplier": "nivoda", "supplierStoneId": "stone-1", "supplierName": "Example Diamonds",
        "shape": "ROUND", "carat": 1.01, "color": "OTHER", "clarity": "VS1", "cut": "EXCELLENT",
        "polish": "VERY_GOOD", "symmetry": "GOOD", "fluorescence": "FAINT", "fluorescenceColor": "BLUE",
        "labGrown": False, "treated": False, "eyeClean": True, "brownTinge": False, "greenTinge": False, "milky": None,
        "imageUrl": "https://example.com/1.jpg", "videoUrl": None, "rating": 7, "availability": "AVAILABLE",
        "reportedGrades": {"shape": "ROUND", "color": "unheard of", "clarity": "VS1", "cut": "EXCELLENT",
                   "polish": "VERY_GOOD", "symmetry": "GOOD", "fluorescence": "FAINT", "availability": "AVAILABLE"},
        "fancyColor": {"color": "PINK", "intensity": None, "overtone": None},
        "certificate": {"lab": "GIA", "number": "1000001", "pdfUrl": None},
        "measurements": {"lengthMm": 6.5, "widthMm": 6.45, "heightMm": 4.01, "ratio": 1.008, "tablePercent": 57.0,
                         "depthPercent": 61.9, "details": {"crownAngle": 34.5}},
        "price": {"cents": 115_000, "currency": "USD", "amount": "1150.00", "formatted": "$1,150.00"},
        "pricePerCarat": {"cents": 113_861},
        "attributes": {"location": "Antwerp"},
        "sourceUpdatedAt": "2026-01-01T00:00:00Z",
        "createdAt": "2026-01-01T00:00:01Z", "updatedAt": "2026-01-01T00:00:01Z",
    }]}}}  # fmt: skip


async def test_missing_values_are_null(query: Query, insert: Insert) -> None:
    await insert([build(1, color=None, certificate_lab=None, certificate_number=None, rating=None, length_milli=None)])
    body = await query(
        "{ diamonds { nodes { color fancyColor { color } certificate { lab } rating measurements { lengthMm } } } }"
    )
    assert body["data"]["diamonds"]["nodes"] == [
        {"color": None, "fancyColor": None, "certificate": None, "rating": None, "measurements": {"lengthMm": None}}
    ]


async def test_diamond_is_found_by_both_ids_and_as_node(query: Query, insert: Insert) -> None:
    await insert([build(1), build(2, status="quarantined")])
    (node,) = (await query("{ diamonds { nodes { id databaseId } } }"))["data"]["diamonds"]["nodes"]
    body = await query(
        """query ($id: ID!, $key: ID!, $hidden: ID!) {
          a: diamond(id: $id) { supplierStoneId } b: diamond(id: $key) { supplierStoneId }
          c: diamond(id: "nonsense") { id } d: diamond(id: $hidden) { id }
          e: node(id: $id) { __typename id ... on Diamond { supplierStoneId } } f: node(id: "nonsense") { id }
        }""",
        id=node["id"],
        key=node["databaseId"],
        hidden=str(build(2)["id"]),
    )
    assert body == {"data": {
        "a": {"supplierStoneId": "stone-1"}, "b": {"supplierStoneId": "stone-1"}, "c": None, "d": None,
        "e": {"__typename": "Diamond", "id": node["id"], "supplierStoneId": "stone-1"}, "f": None,
    }}  # fmt: skip


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_cursors_visit_every_diamond_once_in_each_sort_and_direction(
    cost_client: httpx.AsyncClient, insert: Insert, direction: str
) -> None:
    await insert(mixed(53))
    for by in SORTS:
        await walk_both_ways(cost_client, by, direction)


async def walk_both_ways(cost_client: httpx.AsyncClient, by: str, direction: str) -> None:
    walks: list[list[str]] = []
    for forwards in (True, False):
        seen: list[str] = []
        cursor = None
        for _ in range(20):
            window = {"first": 7, "after": cursor} if forwards else {"last": 7, "before": cursor}
            variables = {"by": by, "direction": direction, **window}
            response = await cost_client.post("/graphql", json={"query": WALK, "variables": variables})
            page = response.json()["data"]["diamonds"]
            stones = [node["supplierStoneId"] for node in page["nodes"]]
            seen = seen + stones if forwards else stones + seen
            info = page["pageInfo"]
            assert info["hasPreviousPage" if forwards else "hasNextPage"] == (cursor is not None)
            if not info["hasNextPage" if forwards else "hasPreviousPage"]:
                break
            cursor = info["endCursor" if forwards else "startCursor"]
        walks.append(seen)
    assert sorted(walks[0]) == sorted(f"stone-{number}" for number in range(53))
    assert walks[0] == walks[1]


@pytest.mark.parametrize(
    ("by", "key", "nullable"),
    [
        ("PRICE", "retail_price_cents", False),
        ("CARAT", "carat_milli", False),
        ("COLOR", "color_rank", True),
        ("CLARITY", "clarity_rank", True),
        ("CREATED_AT", "created_at", False),
        ("RATING", "rating", True),
    ],
)
async def test_each_sort_orders_by_its_column_with_nulls_last(
    query: Query, insert: Insert, by: str, key: str, nullable: bool
) -> None:
    rows = mixed(40)
    await insert(rows)
    for descending in (False, True):
        body = await query(WALK, by=by, direction="DESC" if descending else "ASC", first=100)
        got = [node["supplierStoneId"] for node in body["data"]["diamonds"]["nodes"]]
        valued = [row for row in rows if row[key] is not None]
        valued.sort(key=lambda row: (row[key], row["id"].bytes), reverse=descending)
        gaps = sorted((row for row in rows if row[key] is None), key=lambda row: row["id"].bytes, reverse=descending)
        assert bool(gaps) == nullable
        assert got == [row["supplier_stone_id"] for row in valued + gaps]


async def test_sorted_price_per_carat_is_shown_one(query: Query, insert: Insert) -> None:
    await insert([build(n, carat_milli=307 + 31 * n, retail_price_cents=99_999 + 7919 * n * n) for n in range(60)])
    body = await query(
        "{ diamonds(first: 100, sort: {by: PRICE_PER_CARAT}) { nodes { pricePerCarat { cents } price { cents } carat } } }"
    )
    nodes = body["data"]["diamonds"]["nodes"]
    shown = [node["pricePerCarat"]["cents"] for node in nodes]
    assert len(shown) == 60
    assert shown == sorted(shown)
    assert shown == [
        (node["price"]["cents"] * 2000 + round(node["carat"] * 1000)) // (2 * round(node["carat"] * 1000))
        for node in nodes
    ]
    narrow = await query(
        "query ($c: Long!) { diamonds(filter: {pricePerCarat: {min: $c, max: $c}}) { totalCount } }", c=shown[30]
    )
    assert narrow["data"]["diamonds"]["totalCount"] == shown.count(shown[30])


async def test_each_criterion_matches_its_diamond(query: Query, insert: Insert) -> None:
    await insert([
        build(1, color="D", polish="IDEAL", fancy_color="PINK", length_milli=9000, ratio_milli=1500, eye_clean=False,
              milky=False, availability="sold", rating=10, return_days=0, spin_url="https://example.com/360"),
        build(2, shape="OVAL", carat_milli=1011, clarity="IF", symmetry="IDEAL", fancy_intensity="VIVID", lab_grown=True,
              width_milli=9000, table_milli=50_000, brown_tinge=True, image_url=None, availability="on_hold",
              growth_method="CVD", delivery_max_days=12),
        build(3, carat_milli=1009, retail_price_cents=1, cut="POOR", fluorescence="NONE", fancy_overtone="BROWNISH",
              treated=True, certificate_lab="IGI", height_milli=9000, depth_milli=50_000, green_tinge=True,
              video_url="https://example.com/v", supplier="other",
              polish="unheard of", fluorescence_color="YELLOW"),
    ])  # fmt: skip
    found = {}
    for criteria, expected in CRITERIA.items():
        every = "" if "availability" in criteria else ", availability: [AVAILABLE, ON_HOLD, SOLD, UNAVAILABLE]"
        body = await query(
            "{ diamonds(filter: {"
            + criteria
            + every
            + "}, sort: {by: CREATED_AT}) { totalCount nodes { supplierStoneId } } }"
        )
        assert body["data"]["diamonds"]["totalCount"] == len(expected), criteria
        found[criteria] = [int(node["supplierStoneId"][6:]) for node in body["data"]["diamonds"]["nodes"]]
    assert found == CRITERIA


async def test_search_returns_available_and_held_diamonds_by_default(query: Query, insert: Insert) -> None:
    await insert([
        build(number, availability=word) for number, word in enumerate(("available", "on_hold", "sold", "unavailable"))
    ])  # fmt: skip
    document = (
        "query ($f: DiamondFilter) { diamonds(filter: $f, sort: {by: CREATED_AT}) { totalCount nodes { databaseId } } }"
    )

    async def found(criteria: Any) -> list[str]:
        page = (await query(document, f=criteria))["data"]["diamonds"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["databaseId"] for node in page["nodes"]]

    ids = [str(build(number)["id"]) for number in range(4)]
    assert await found(None) == await found({}) == ids[:2]
    assert await found({"availability": ["SOLD"]}) == [ids[2]]
    assert await found({"ids": ids}) == ids, "known diamonds are found in every state"


async def test_several_sorts_visit_every_diamond_once_in_both_directions(query: Query, insert: Insert) -> None:
    rows = mixed(40)
    await insert(rows)
    document = """query ($after: String, $before: String, $first: Int, $last: Int) {
      diamonds(sort: [{by: COLOR}, {by: RATING, direction: DESC}, {by: PRICE}], first: $first, last: $last, after: $after,
        before: $before) { nodes { supplierStoneId } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } }"""

    def key(row: dict[str, Any]) -> tuple[object, ...]:
        color = row["color_rank"] or 99
        return color, 99 if row["rating"] is None else -row["rating"], row["retail_price_cents"], row["id"].bytes

    expected = [row["supplier_stone_id"] for row in sorted(rows, key=key)]
    forwards: list[str] = []
    backwards: list[str] = []
    cursor = None
    while True:
        page = (await query(document, first=7, after=cursor))["data"]["diamonds"]
        forwards += [node["supplierStoneId"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    cursor = None
    while True:
        page = (await query(document, last=7, before=cursor))["data"]["diamonds"]
        backwards = [node["supplierStoneId"] for node in page["nodes"]] + backwards
        cursor = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert forwards == backwards == expected


async def test_page_is_one_statement_for_any_selection(query: Query, insert: Insert, statements: list[str]) -> None:
    await insert(mixed(30))
    small = "{ diamonds(first: 20) { nodes { id } } }"
    large = """{ diamonds(first: 20) { pageInfo { endCursor } nodes { id } edges { cursor node {
      carat price { cents } certificate { lab } measurements { details } reportedGrades { color } fancyColor { color } } } } }"""
    counted = "{ diamonds(first: 20) { totalCount nodes { id } } }"
    only_counted = "{ diamonds { totalCount } }"
    for document, expected in ((small, 1), (large, 1), (counted, 2), (only_counted, 1)):
        await query(document)  # the key is cached, and so are the types of the parameters
        statements.clear()
        body = await query(document)
        assert "errors" not in body
        assert len(statements) == expected


async def test_only_requested_columns_are_read(query: Query, statements: list[str]) -> None:
    await query("{ diamonds { nodes { carat color } } }")
    (text,) = (text for text in statements if "FROM diamonds" in text)
    assert "SELECT id, carat_milli, color, retail_price_cents AS sort_value\n" in text


async def test_supplier_price_requires_scope(query: Query, cost_client: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    document = "{ diamonds { nodes { id supplierPrice { cents } supplierPricePerCarat { cents } markupRatio } } }"
    response = await cost_client.post("/graphql", json={"query": document})
    (node,) = response.json()["data"]["diamonds"]["nodes"]
    assert (node["supplierPrice"]["cents"], node["supplierPricePerCarat"]["cents"], node["markupRatio"]) == (
        100_000,
        99_010,
        1.15,
    )
    body = await query(document)
    (node,) = body["data"]["diamonds"]["nodes"]
    assert (node["supplierPrice"], node["supplierPricePerCarat"], node["markupRatio"]) == (None, None, None)
    assert codes(body) == ["FORBIDDEN"] * 3
