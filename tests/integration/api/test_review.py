"""Quarantine by problem, and diamonds missing from a full run."""

from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.auth.scopes import Scope
from inventory.core.database import Connection
from inventory.runs.statements import sql
from tests.integration.api.diamonds import EPOCH, Insert, MakeKey, Row, build
from tests.integration.api.runs import build_run

QUARANTINE = """query ($run: ID, $payload: Boolean! = false) {
  quarantine(runId: $run) { fieldName reason count examples { supplierStoneId payload @include(if: $payload) } }
}"""
MISSING = """query ($run: ID!, $first: Int! = 20, $after: String) {
  missingDiamonds(runId: $run, first: $first, after: $after) {
    totalCount diamonds { databaseId supplierStoneId carat price { cents } }
  }
}"""


def raw(run: Row, stone_id: str, problem: str | None = None, payload: str = '{"price": 1}') -> Row:
    return {
        "supplier_stone_id": stone_id,
        "feed": run["feed"],
        "payload": payload,
        "payload_hash": b"x",
        "observed_at": run["window_to"],
        "run_id": run["id"],
        "problem": problem,
        "canonical_hash": None if problem else b"y",
    }


def seen(run: Row, stone_id: str) -> Row:
    return {
        "feed": run["feed"],
        "supplier_stone_id": stone_id,
        "run_id": run["id"],
        "observed_at": run["window_to"] - timedelta(seconds=1),
    }


async def ask(client: httpx.AsyncClient, document: str, **variables: Any) -> Any:
    return (await client.post("/graphql", json={"query": document, "variables": variables})).json()


async def test_quarantine_groups_items_by_field_and_reason(operator: httpx.AsyncClient, insert: Insert) -> None:
    older, run = build_run(1), build_run(2)
    await insert([older, run], table="run_metadata")
    items = [raw(run, f"a{number}", "price: is missing") for number in range(5)]
    items += [raw(older, "b", "certificate.carats: is not a number"), raw(run, "good")]
    await insert(items, table="raw_diamonds_nivoda")
    await insert(
        [seen(older if one["supplier_stone_id"] == "b" else run, one["supplier_stone_id"]) for one in items],
        "stones_seen",
    )
    every = (await ask(operator, QUARANTINE))["data"]["quarantine"]
    assert [(one["fieldName"], one["reason"], one["count"]) for one in every] == [
        ("price", "is missing", 5),
        ("certificate.carats", "is not a number", 1),
    ]
    assert [one["supplierStoneId"] for one in every[0]["examples"]] == ["a0", "a1", "a2"]
    of_run = (await ask(operator, QUARANTINE, run=str(run["id"])))["data"]["quarantine"]
    assert [one["fieldName"] for one in of_run] == ["price"]
    assert (await ask(operator, QUARANTINE, run="nothing"))["data"]["quarantine"] == []


@pytest.mark.parametrize(
    ("scopes", "shown"),
    [
        ((), False),
        ((Scope.PRICES_SUPPLIER,), False),
        ((Scope.CERTIFICATES_HIDDEN,), False),
        ((Scope.PRICES_SUPPLIER, Scope.CERTIFICATES_HIDDEN), True),
    ],
)
async def test_quarantine_payload_requires_all_scopes(
    address: str, make_key: MakeKey, insert: Insert, scopes: tuple[Scope, ...], shown: bool
) -> None:
    run = build_run(1)
    await insert([run], table="run_metadata")
    await insert([raw(run, "a", "price: is missing")], table="raw_diamonds_nivoda")
    await insert([seen(run, "a")], table="stones_seen")
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ, *scopes)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        answer = await ask(client, QUARANTINE, payload=True)
    (example,) = answer["data"]["quarantine"][0]["examples"]
    assert example["payload"] == ({"price": 1} if shown else None)
    assert [error["extensions"]["code"] for error in answer.get("errors", [])] == ([] if shown else ["FORBIDDEN"])


@pytest.mark.parametrize(
    ("scopes", "shown"),
    [
        ((), False),
        ((Scope.PRICES_SUPPLIER,), False),
        ((Scope.CERTIFICATES_HIDDEN,), False),
        ((Scope.PRICES_SUPPLIER, Scope.CERTIFICATES_HIDDEN), True),
    ],
)
async def test_rest_quarantine_groups_items_of_run_and_guards_payload(
    address: str, make_key: MakeKey, insert: Insert, scopes: tuple[Scope, ...], shown: bool
) -> None:
    older, run = build_run(1), build_run(2)
    await insert([older, run], table="run_metadata")
    items = [raw(run, f"a{number}", "price: is missing") for number in range(5)] + [
        raw(older, "b", "carat: is missing")
    ]
    await insert(items, table="raw_diamonds_nivoda")
    await insert([seen(older if one["supplier_stone_id"] == "b" else run, one["supplier_stone_id"]) for one in items],
                 "stones_seen")  # fmt: skip
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ, *scopes)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        found = await client.get(f"/api/v2/analytics/runs/{run['id']}/quarantine")
        unknown = await client.get(f"/api/v2/analytics/runs/{build_run(3)['id']}/quarantine")
    (group,) = found.json()["data"]
    assert (group["problem"], group["items"]) == ("price: is missing", 5)
    assert [one["supplier_stone_id"] for one in group["examples"]] == ["a0", "a1", "a2"]
    assert group["examples"][0].get("payload") == ('{"price": 1}' if shown else None)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_missing_diamonds_are_active_and_unseen_by_full_run(operator: httpx.AsyncClient, insert: Insert) -> None:
    before = build_run(1, run_type="full", window_from=None)
    run = {**build_run(2, run_type="full", window_from=None), "feed": before["feed"]}
    run["window_to"] = before["window_to"] + timedelta(days=1)
    await insert([before, run], table="run_metadata")
    diamonds = [
        build(number, supplier_stone_id=f"s{number}", status="deleted" if number == 3 else "active",
              deleted_at=before["window_to"] if number == 3 else None)
        for number in range(6)
    ]  # fmt: skip
    await insert(diamonds)
    await insert([raw(before, f"s{number}") for number in range(6)], table="raw_diamonds_nivoda")
    await insert([seen(run if number == 5 else before, f"s{number}") for number in range(6)], table="stones_seen")
    found = (await ask(operator, MISSING, run=str(run["id"])))["data"]["missingDiamonds"]
    assert found["totalCount"] == 4
    assert [one["supplierStoneId"] for one in found["diamonds"]] == ["s0", "s1", "s2", "s4"]
    assert found["diamonds"][0]["databaseId"] == str(diamonds[0]["id"])
    page = (await ask(operator, MISSING, run=str(run["id"]), first=2, after="s0"))["data"]["missingDiamonds"]
    assert [one["supplierStoneId"] for one in page["diamonds"]] == ["s1", "s2"]


async def test_incremental_run_deletes_nothing(operator: httpx.AsyncClient, insert: Insert) -> None:
    before, run = build_run(1), build_run(2, run_type="incremental", window_from=EPOCH)
    await insert([before, run], table="run_metadata")
    await insert([build(1, supplier_stone_id="s")])
    await insert([raw(before, "s")], table="raw_diamonds_nivoda")
    await insert([seen(before, "s")], table="stones_seen")
    assert (await ask(operator, MISSING, run=str(run["id"])))["data"]["missingDiamonds"] == {
        "totalCount": 0,
        "diamonds": [],
    }


@pytest.mark.parametrize(
    ("variables", "code"),
    [({"first": 101}, "VALIDATION_ERROR"), ({"first": -1}, "VALIDATION_ERROR"), ({"after": "\0"}, "VALIDATION_ERROR")],
)
async def test_invalid_pages_are_rejected(operator: httpx.AsyncClient, variables: dict[str, Any], code: str) -> None:
    answer = await ask(operator, MISSING, run="x", **variables)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_unknown_run_has_no_missing_diamonds(operator: httpx.AsyncClient) -> None:
    assert (await ask(operator, MISSING, run="x"))["data"] == {"missingDiamonds": None}


async def test_payload_of_stone_requires_all_scopes(address: str, make_key: MakeKey, insert: Insert) -> None:
    run = build_run(1)
    await insert([run], "run_metadata")
    await insert([raw(run, "a", "price: is missing")], "raw_diamonds_nivoda")
    document = "query ($id: String!) { supplierItem(supplierStoneId: $id) { payload problem } }"
    every = (Scope.PRICES_SUPPLIER, Scope.CERTIFICATES_HIDDEN)
    async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": await make_key(*every)}) as client:
        found = (await ask(client, document, id="a"))["data"]["supplierItem"]
        assert found == {"payload": {"price": 1}, "problem": "price: is missing"}
        for unknown in ("b", "\x00", "x" * 300):
            assert (await ask(client, document, id=unknown))["data"]["supplierItem"] is None
    for one in every:
        async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": await make_key(one)}) as client:
            refused = await ask(client, document, id="a")
            assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_polled_statements_read_few_rows_of_large_inventory(insert: Insert, database_url: str) -> None:
    run = build_run(1)
    await insert([run], "run_metadata")
    items = [raw(run, f"{number:05}", "price: is missing" if number % 50 == 0 else None) for number in range(4000)]
    await insert(items, "raw_diamonds_nivoda")
    await insert([seen(run, one["supplier_stone_id"]) for one in items], "stones_seen")
    await insert([build(number) | {"supplier_stone_id": f"{number:05}"} for number in range(4000)])
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})
    try:
        await connection.execute("VACUUM ANALYZE raw_diamonds_nivoda, stones_seen, diamonds")
        groups = await explained(connection, sql.quarantine_groups, None, 100, None)
        assert "raw_diamonds_nivoda_problem" in groups
        assert "Seq Scan on raw_diamonds_nivoda" not in groups
        other = build_run(2)
        arguments = (other["feed"], other["id"], other["window_to"], "03900", 10)
        page = await explained(connection, sql.missing_diamonds, *arguments)
        # The cost of a page is independent of its position: diamonds are read from the cursor, too.
        _, scanned, rest = page.partition(" on diamonds")
        assert scanned
        assert "supplier_stone_id > '03900'" in rest.partition("->")[0]
    finally:
        await connection.close()


async def explained(connection: Connection, statement: str, *arguments: object) -> str:
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *arguments))
