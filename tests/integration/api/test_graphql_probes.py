"""Security probes: those of graphql-cop, and out-of-range values."""

import json

import httpx
import pytest

from app.auth.scopes import Scope
from app.graphql.limits import MAX_REPETITIONS
from tests.integration.api.diamonds import MakeKey

HUGE = "9" * 400
# Queries, their variables as JSON text, and the part of the response that names the problem: a field of the arguments,
# or a word of the message.
OUT_OF_BOUNDS = [
    ("query ($n: Int) { diamonds(first: $n) { totalCount } }", f'{{"n": {HUGE}}}', "Int cannot represent"),
    ("query ($n: Int) { diamonds(first: $n) { totalCount } }", '{"n": 1e400}', "BAD_REQUEST"),
    ("query ($n: Int) { diamonds(first: $n) { totalCount } }", '{"n": NaN}', "BAD_REQUEST"),
    ("query ($n: Int) { diamonds(first: $n) { totalCount } }", '{"n": "5"}', "Int cannot represent"),
    ("query ($n: Float) { diamonds(filter: {carat: {min: $n}}) { totalCount } }", f'{{"n": {HUGE}}}', "Float cannot represent"),
    ("query ($n: Float) { diamonds(filter: {carat: {min: $n}}) { totalCount } }", '{"n": 1e308}', "filter.carat"),
    ("query ($n: Long) { diamonds(filter: {price: {min: $n}}) { totalCount } }", f'{{"n": {HUGE}}}', "whole number"),
    ("query ($n: Long) { diamonds(filter: {price: {min: $n}}) { totalCount } }", '{"n": -1}', "whole number"),
    ("query ($t: [String!]) { diamonds(filter: {suppliers: $t}) { totalCount } }", '{"t": ["a\\u0000b"]}',
     "filter.suppliers"),
    ("query ($t: [String!]) { diamonds(filter: {suppliers: $t}) { totalCount } }",
     json.dumps({"t": ["x" * 100_000]}), "filter.suppliers"),
    ("query ($t: [ID!]) { diamonds(filter: {ids: $t}) { totalCount } }", json.dumps({"t": ["x"] * 10_000}), "filter.ids"),
    ("query ($t: [ID!]!) { nodes(ids: $t) { id } }", json.dumps({"t": ["x"] * 10_000}), "costs"),
    ("query ($t: [ID!]!) { nodes(ids: $t) { id } }", json.dumps({"t": ["x"] * 101}), "ids"),
    ("query ($t: ID!) { diamond(id: $t) { id } }", json.dumps({"t": [["x"] * 100] * 100}), "ID cannot represent"),
    ("query ($t: DiamondFilter) { diamonds(filter: $t) { totalCount } }",
     '{"t": ' + '{"carat": ' * 400 + "1" + "}" * 400 + "}", "nested too deep"),
    ("query ($t: DiamondFilter) { diamonds(filter: $t) { totalCount } }",
     '{"t": ' + '{"carat": ' * 40 + "1" + "}" * 40 + "}", "VALIDATION_ERROR"),
    ("query ($t: DateTime) { diamonds(filter: {createdSince: $t}) { totalCount } }", '{"t": "9999-12-31T23:59:59-14:00"}',
     "DateTime"),
    ("query ($n: Int) { diamonds(filter: {rating: {min: $n}}) { totalCount } }", '{"n": 2147483648}',
     "Int cannot represent"),
    ("query ($c: String) { syncRuns(after: $c) { totalCount } }", '{"c": "\\u0000"}', "after"),
    ("query ($c: String) { syncRuns(after: $c) { totalCount } }", json.dumps({"c": "A" * 100_000}), "after"),
    ("query ($t: String!) { diamondByCertificate(lab: $t, number: $t) { id } }", '{"t": ""}', "lab"),
    ("{ diamonds(first: 99999999999999999999) { totalCount } }", "{}", "Int cannot represent"),
    ("{ diamonds(filter: {carat: {min: 1e999}}) { totalCount } }", "{}", "filter.carat"),
    ('{ node(id: "' + "A" * 30_000 + '") { id } }', "{}", ""),
    ('{ job(id: "\\u0000' + "A" * 1000 + '") { id } }', "{}", ""),
]  # fmt: skip


def body_of(query: str, variables: str) -> bytes:
    return b'{"query": ' + json.dumps(query).encode() + b', "variables": ' + variables.encode() + b"}"


async def ask(client: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers=headers)


@pytest.mark.parametrize("number", range(len(OUT_OF_BOUNDS)))
async def test_out_of_range_value_is_rejected_with_code_and_field(address: str, make_key: MakeKey, number: int) -> None:
    query, variables, said = OUT_OF_BOUNDS[number]
    headers = {"X-API-Key": await make_key(*Scope), "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        answer = await client.post("/graphql", content=body_of(query, variables))
    assert answer.status_code in {200, 400}
    body = answer.json()
    if said:
        (error, *_) = body["errors"]
        assert error["extensions"]["code"] in {"VALIDATION_ERROR", "BAD_REQUEST"}
        fields = error["extensions"].get("fields", {})
        assert said in fields or said in error["message"] or said == error["extensions"]["code"], error
    else:
        assert "errors" not in body
        assert set(body["data"].values()) == {None}


async def test_last_duplicate_member_is_used_everywhere(api: httpx.AsyncClient) -> None:
    allowed, refused = '{"query": "{ __typename }"', '{"query": "{ nope }"'
    for first, last, data in ((refused, allowed, {"__typename": "Query"}), (allowed, refused, None)):
        answer = await api.post(
            "/graphql", content=f"{first}, {last[1:]}}}", headers={"Content-Type": "application/json"}
        )
        assert answer.json().get("data") == data


async def test_aliases_do_not_multiply_work(api: httpx.AsyncClient) -> None:
    many = await ask(api, "{ " + " ".join(f"a{number}: __typename" for number in range(101)) + " }")
    assert "aliases" in many.json()["errors"][0]["message"]
    assert "data" not in many.json()


async def test_arrays_of_requests_are_rejected(api: httpx.AsyncClient) -> None:
    answer = await api.post("/graphql", json=[{"query": "{ __typename }"}] * 10)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("directive", ["@aa", "@skip(if: false)", "@include(if: true)"])
async def test_ten_directives_on_one_field_are_rejected(api: httpx.AsyncClient, directive: str) -> None:
    body = (await ask(api, f"{{ __typename {directive * 10} }}")).json()
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"
    assert len(body["errors"]) <= 10


async def test_repeated_field_is_answered_once_and_limited(api: httpx.AsyncClient) -> None:
    body = (await ask(api, "{ " + "__typename " * MAX_REPETITIONS + "}")).json()
    assert body == {"data": {"__typename": "Query"}, "extensions": body["extensions"]}
    body = (await ask(api, "{ " + "__typename " * 500 + "}")).json()
    assert "data" not in body
    assert [error["extensions"]["code"] for error in body["errors"]] == ["VALIDATION_ERROR"]


async def test_names_are_not_suggested(api: httpx.AsyncClient) -> None:
    for query in ("{ diamondz { totalCount } }", "{ __schemz { queryType { name } } }", "{ diamonds(frst: 1) { totalCount } }",
                  "{ diamonds(sort: {by: PRIZE}) { totalCount } }", "{ diamonds(filter: {shapez: []}) { totalCount } }",
                  "query ($a: DiamondFiltr) { diamonds(filter: $a) { totalCount } }",
                  "{ node(id: 1) { ... on Diamonds { id } } }"):  # fmt: skip
        text = (await ask(api, query)).text
        assert "Did you mean" not in text, query
        assert "errors" in text


async def test_variable_errors_do_not_disclose_expected_values(api: httpx.AsyncClient) -> None:
    query = "query ($s: DiamondSort, $f: DiamondFilter) { diamonds(sort: $s, filter: $f) { totalCount } }"
    wrong: list[dict[str, object]] = [{"s": {"by": "PRIZE"}}, {"f": {"shapez": []}}, {"f": {"shapes": ["ROUNT"]}}]
    for variables in wrong:
        answer = await api.post("/graphql", json={"query": query, "variables": variables})
        assert "errors" in answer.json()
        assert "Did you mean" not in answer.text, variables


async def test_get_and_form_requests_are_rejected(api: httpx.AsyncClient) -> None:
    for query in ("{ __typename }", "mutation { __typename }"):
        assert (await api.get("/graphql", params={"query": query})).status_code == 405
        form = await api.post("/graphql", data={"query": query})
        assert (form.status_code, "data" in form.json()) == (415, False)
    plain = await api.post("/graphql", content='{"query": "{ __typename }"}', headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415


async def test_tracing_and_consoles_are_disabled(api: httpx.AsyncClient) -> None:
    for headers in ({"X-Apollo-Tracing": "1"}, {"Apollo-Query-Plan-Experimental": "1"}, {"Accept": "text/html"}):
        answer = await ask(api, "{ __typename }", **headers)
        assert set(answer.json()["extensions"]) == {"cost"}
    for path in ("/graphql", "/graphiql", "/playground", "/console", "/altair", "/voyager", "/graphql/page/page.js"):
        page = await api.get(path, headers={"Accept": "text/html"})
        assert page.status_code in {404, 405}, path
        assert "<html" not in page.text.lower()


async def test_introspection_requires_permission_and_is_limited(address: str, make_key: MakeKey) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        reader, seer = [await make_key(scope) for scope in (Scope.DIAMONDS_READ, Scope.SCHEMA_READ)]
        for query in ("{ __schema { types { name } } }", '{ __type(name: "Diamond") { name } }'):
            refused = await ask(client, query, **{"X-API-Key": reader})
            assert refused.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        for rounds in (4, 14):
            circular = "{ __schema { types { " + "fields { type { " * rounds + "name" + " } }" * rounds + " } } }"
            refused = await ask(client, circular, **{"X-API-Key": seer})
            assert (refused.json().get("data"), refused.status_code) == (None, 200)
            assert refused.json()["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"
