"""GraphQL errors: codes, and authentication."""

from typing import Any

import httpx
import pytest

from app.auth.scopes import Scope
from app.graphql.execution.errors import MAX_ERRORS
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, Query, Serve, build

# Arguments of a search, and the reported problem.
WRONG_ARGUMENTS = {
    "first: -1": {"first": "should be between 0 and 100"},
    "first: 101": {"first": "should be between 0 and 100"},
    "first: 1, last: 1": {"last": "cannot be combined with first"},
    'after: "x"': {"after": "is not a cursor"},
    'before: "ÿ"': {"before": "is not a cursor"},
    "filter: {carat: {min: 2, max: 1}}": {"filter.carat": "min is more than max"},
    "filter: {carat: {min: -1}}": {"filter.carat": "should lie between 0 and 1000000"},
    "filter: {carat: {max: 1e300}}": {"filter.carat": "should lie between 0 and 1000000"},
    "filter: {price: {min: 2, max: 1}}": {"filter.price": "min is more than max"},
    'filter: {ids: ["x"]}': {"filter.ids": "contains an id that is not the id of a diamond"},
    "filter: {color: {from: OTHER}}": {"filter.color": "cannot begin or end with OTHER"},
    "filter: {color: {from: G, to: D}}": {"filter.color": "from is after to; the best grade comes first"},
    'filter: {search: "12"}': {"filter.search": "should hold at least 3 characters"},
    'filter: {exclude: {ids: ["x"]}}': {"filter.exclude.ids": "contains an id that is not the id of a diamond"},
    "sort: [{by: CUT}, {by: CUT, direction: DESC}]": {"sort": "should contain each key once"},
    "sort: [{by: CUT}, {by: COLOR}, {by: PRICE}, {by: CARAT}]": {"sort": "should contain at most 3 keys"},
    'filter: {suppliers: [""]}': {"filter.suppliers": "should contain texts of 1 to 200 characters"},
    'filter: {suppliers: ["\\u0000"]}': {"filter.suppliers": "should contain texts of 1 to 200 characters"},
    "first: 1000, filter: {price: {min: 2, max: 1}, cut: {to: OTHER}}": {
        "first": "should be between 0 and 100",
        "filter.price": "min is more than max",
        "filter.cut": "cannot begin or end with OTHER",
    },
}

# Documents that are rejected, and the error code.
WRONG_DOCUMENTS = {
    "{": "BAD_REQUEST",
    "{ nope }": "VALIDATION_ERROR",
    "{ diamonds(first: 99999999999) { totalCount } }": "VALIDATION_ERROR",
    "{ diamonds(filter: {price: {min: 1.5}}) { totalCount } }": "VALIDATION_ERROR",
    '{ diamonds(filter: {createdSince: "now"}) { totalCount } }': "VALIDATION_ERROR",
    "query ($a: Int!) { diamonds(first: $a) { totalCount } }": "VALIDATION_ERROR",
    "subscription { diamonds { totalCount } }": "VALIDATION_ERROR",
    "query A { __typename } query B { __typename }": "BAD_REQUEST",
    "fragment F on Diamond { id }": "VALIDATION_ERROR",
    "{ __schema { queryType { name } } }": "FORBIDDEN",
    "{" + " ".join(f"a{number}: __typename" for number in range(1000)) + "}": "BAD_REQUEST",
    "{" + " ".join(f"a{number}: __typename" for number in range(16)) + "}": "VALIDATION_ERROR",
    "{ me " + "{ limits " * 200 + "{ depth }" + "}" * 200 + "}": "BAD_REQUEST",
    "{ diamonds { totalCount(a: 1) } }": "VALIDATION_ERROR",
    "mutation { nope }": "VALIDATION_ERROR",
}

# Bodies that are no GraphQL request: media type and response status.
NO_REQUESTS = [
    (b'{"query": "{ __typename }"}', "text/plain", 415),
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b'{"query": 1}', "application/json", 400),
    (b'{"variables": {}}', "application/json", 400),
    (b'{"query": "{ __typename }", "variables": []}', "application/json", 400),
    (b'{"query": "\xff"}', "application/json", 400),
    (b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}', "application/json", 400),
    *(
        (
            b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * deep + b"]" * deep + b"}}",
            "application/json",
            400,
        )
        for deep in (63, 900, 5_000, 100_000)
    ),
    (b'{"query": "' + b" " * 300_000 + b'"}', "application/json", 413),
    (b'{"query": "' + b" " * 10_000_000 + b'"}', "application/json", 413),
]


def codes(body: Any) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


async def test_every_invalid_argument_is_named(query: Query) -> None:
    for arguments, fields in WRONG_ARGUMENTS.items():
        body = await query(f"{{ diamonds({arguments}) {{ totalCount }} }}")
        (error,) = body["errors"]
        assert (error["extensions"]["code"], error["extensions"]["fields"]) == ("VALIDATION_ERROR", fields), arguments
        assert error["path"] == ["diamonds"]


async def test_cursor_is_valid_for_its_sort_only(query: Query, insert: Insert) -> None:
    await insert([build(1), build(2)])
    document = "{ diamonds(first: 1, %s) { pageInfo { endCursor } } }"
    body = await query(document % "sort: {by: PRICE}")
    cursor = body["data"]["diamonds"]["pageInfo"]["endCursor"]
    for by, direction in (("PRICE", "DESC"), ("CARAT", "ASC")):
        refused = await query(document % f'sort: {{by: {by}, direction: {direction}}}, after: "{cursor}"')
        assert refused["errors"][0]["extensions"]["fields"] == {
            "after": "is a cursor of another sort; start again without it"
        }


@pytest.mark.parametrize(
    "arguments",
    ["filter: {supplierPrice: {min: 1}}", "sort: {by: SUPPLIER_PRICE}", "sort: [{by: CUT}, {by: SUPPLIER_PRICE}]"],
)
async def test_supplier_price_filter_and_sort_require_scope(query: Query, arguments: str) -> None:
    body = await query(f"{{ diamonds({arguments}) {{ totalCount }} }}")
    assert (body["data"], codes(body)) == ({"diamonds": None}, ["FORBIDDEN"])


async def test_invalid_document_has_code_and_no_data(query: Query) -> None:
    for document, code in WRONG_DOCUMENTS.items():
        body = await query(document)
        assert codes(body)[0] == code, document
        assert body.get("data") is None
        assert "Traceback" not in str(body)


async def test_empty_operation_name_is_ignored(api: httpx.AsyncClient) -> None:
    for document in ("{ __typename }", "query Only { __typename }"):
        answer = await api.post("/graphql", json={"query": document, "operationName": ""})
        assert (answer.status_code, answer.json()["data"]) == (200, {"__typename": "Query"})
    body = (
        await api.post(
            "/graphql", json={"query": "query A { __typename } query B { x: __typename }", "operationName": "B"}
        )
    ).json()
    assert body["data"] == {"x": "Query"}


async def test_invalid_body_is_rejected(api: httpx.AsyncClient) -> None:
    for content, media_type, status in NO_REQUESTS:
        response = await api.post("/graphql", content=content, headers={"Content-Type": media_type})
        assert response.status_code == status, content[:100]
        assert codes(response.json()) == ["BAD_REQUEST"]


async def test_graphql_response_media_type_uses_http_statuses(api: httpx.AsyncClient) -> None:
    for accept, status in (("application/graphql-response+json", 400), ("application/json", 200), ("*/*", 200)):
        response = await api.post("/graphql", json={"query": "{ nope }"}, headers={"Accept": accept})
        assert response.status_code == status
        assert response.headers["content-type"].startswith(accept.replace("*/*", "application/json"))


async def test_nothing_is_executed_without_valid_key(address: str, make_key: MakeKey) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        for headers in ({}, {"X-API-Key": "nonsense"}):
            response = await client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
            assert (response.status_code, codes(response.json())) == (401, ["UNAUTHORIZED"])
        bearer = {"Authorization": f"Bearer {await make_key(Scope.DIAMONDS_READ)}"}
        response = await client.post("/graphql", json={"query": "{ diamonds { totalCount } }"}, headers=bearer)
        assert response.json()["data"] == {"diamonds": {"totalCount": 0}}


async def test_every_query_requires_scope(address: str, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await make_key(Scope.SCHEMA_READ)}
    document = """{ diamond(id: "x") { id } diamondByCertificate(lab: "x", number: "x") { id }
      node(id: "RGlhbW9uZDplNmU2ODk4Zi1hZjlhLTVhZTUtYmYwNi04OGI2ZWY5NWFiZWI=") { id } }"""
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        body = (await client.post("/graphql", json={"query": document})).json()
        assert codes(body) == ["FORBIDDEN"] * 3
        introspected = (await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})).json()
    assert introspected["data"] == {"__schema": {"queryType": {"name": "Query"}}}


async def test_development_serves_graphiql_and_introspection(settings: Settings, serve: Serve) -> None:
    introspection = {"query": "{ __schema { queryType { name } } }"}
    async with (
        serve(settings.with_values(environment="development")) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        assert "graphiql" in page.text.lower()
        assert (await client.post("/graphql", json=introspection)).status_code == 200
        refused = await client.post("/graphql", json={"query": "{ diamonds { totalCount } }"})
        assert (refused.status_code, codes(refused.json())) == (401, ["UNAUTHORIZED"])
        suggested = await client.post("/graphql", json={"query": "{ diamondz { totalCount } }"})
        assert "Did you mean" in suggested.json()["errors"][0]["message"]


async def test_production_has_no_graphiql_and_requires_post(api: httpx.AsyncClient) -> None:
    for headers in ({"Accept": "text/html"}, {"Accept": "application/json"}):
        response = await api.get("/graphql?query={__typename}", headers=headers)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_invalid_body_names_member_and_accepted_values(api: httpx.AsyncClient) -> None:
    for body, message in (
        (b'{"query": 1}', "query should be a text or null"),
        (b'{"query": "{ __typename }", "variables": []}', "variables should be an object or null"),
        (b"[]", "it should be a JSON object"),
    ):
        answer = await api.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        (error,) = answer.json()["errors"]
        assert error["message"] == f"The body is not a GraphQL request: {message}."


async def test_number_of_variable_errors_is_limited(api: httpx.AsyncClient) -> None:
    query = "query ($ids: [ID!]) { diamonds(filter: {ids: $ids}) { totalCount } }"
    answer = await api.post("/graphql", json={"query": query, "variables": {"ids": [[]] * 100}})
    assert len(answer.json()["errors"]) == MAX_ERRORS
