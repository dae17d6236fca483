"""Protection of the service: cost budgets, timeouts, persisted documents."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.auth.scopes import Scope
from app.graphql.execution.budget import CostBudget
from app.graphql.execution.persisted_documents import PersistedDocuments, document_id
from inventory.catalog.repository import PostgresSearch
from inventory.core.database import Database
from inventory.core.errors import RateLimited
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, Serve, build
from tests.integration.api.test_commands import run

PAGE = "{ diamonds(first: 10) { nodes { supplierStoneId } } }"
COUNT = "query Count($shape: Shape!) { diamonds(filter: {shapes: [$shape]}) { totalCount } }"


def codes(body: Any) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


@asynccontextmanager
async def client(serve: Serve, settings: Settings, key: str, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(settings.with_values(**changes)) as url,
        httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}) as calling,
    ):
        yield calling


@pytest_asyncio.fixture
async def manifest_settings(settings: Settings) -> AsyncIterator[PersistedDocuments]:
    async with Database.open(settings.database) as database:
        yield PersistedDocuments(database)


async def test_response_reports_cost_and_remaining_budget(
    serve: Serve, settings: Settings, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build(1), build(2)])
    async with client(serve, settings, await make_key(Scope.DIAMONDS_READ), graphql_restore_rate=1) as calling:
        body = (await calling.post("/graphql", json={"query": PAGE})).json()
        assert body["extensions"]["cost"] == {
            "requested": 11, "actual": 3, "throttle": {"max": 200_000, "available": 199_997, "restoreRate": 1},
        }  # fmt: skip


async def test_client_without_budget_is_limited_and_others_are_not(
    serve: Serve, settings: Settings, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build(number) for number in range(10)])
    changes = {"graphql_budget": 30, "graphql_restore_rate": 1}
    async with client(serve, settings, await make_key(Scope.DIAMONDS_READ), **changes) as calling:
        answers = [await calling.post("/graphql", json={"query": PAGE}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        refused = answers[2]
        assert codes(refused.json()) == ["RATE_LIMITED"]
        wait = refused.json()["errors"][0]["extensions"]["details"]["retryAfter"]
        assert refused.headers["retry-after"] == str(wait)
        assert 1 <= wait <= 3
        other = {"X-API-Key": await make_key(Scope.DIAMONDS_READ)}
        assert (await calling.post("/graphql", json={"query": PAGE}, headers=other)).status_code == 200


async def test_budget_refills_up_to_capacity(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        budget = CostBudget(redis, most=100, restore_rate=1000)
        first = await budget.take("k", 100)
        assert first is not None
        assert first.available <= 1
        await asyncio.sleep(0.2)
        full = await budget.take("k", 0)
        given = await budget.give_back("k", 50)
        assert full is not None
        assert given is not None
        assert (full.available, given.available) == (100, 100)
        with pytest.raises(RateLimited) as raised:
            await budget.take("k", 5101)
        assert raised.value.retry_after == 6


async def test_concurrent_requests_spend_exactly_budget(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, Redis.from_url(redis_url) as other:
        budgets = [CostBudget(one, most=100, restore_rate=1) for one in (redis, other)]
        outcomes = await asyncio.gather(
            *(budgets[number % 2].take("k", 10) for number in range(40)), return_exceptions=True
        )
        assert sum(isinstance(one, RateLimited) for one in outcomes) == 30


async def test_requests_are_not_limited_without_redis(make_key: MakeKey, settings: Settings, serve: Serve) -> None:
    key = await make_key(Scope.DIAMONDS_READ)
    changed = settings.with_values(redis_url="redis://127.0.0.1:1")
    async with client(serve, changed, key) as calling:
        body = (await calling.post("/graphql", json={"query": PAGE})).json()
    assert body["data"] == {"diamonds": {"nodes": []}}
    assert body["extensions"]["cost"] == {"requested": 11, "actual": 1, "throttle": None}


async def test_too_expensive_operation_is_rejected_before_execution(
    api: httpx.AsyncClient, statements: list[str]
) -> None:
    await api.post("/graphql", json={"query": "{ __typename }"})
    statements.clear()
    many = "{ " + " ".join(f"a{n}: diamonds(first: 100) {{ nodes {{ price {{ cents }} pricePerCarat {{ cents }} "
                           "measurements { ratio } reportedGrades { cut } } } " for n in range(12)) + "}"  # fmt: skip
    body = (await api.post("/graphql", json={"query": many})).json()
    assert "data" not in body
    assert codes(body) == ["VALIDATION_ERROR"]
    assert "costs 6012; at most 5000" in body["errors"][0]["message"]
    assert statements == []


async def test_slow_operation_times_out(
    serve: Serve, settings: Settings, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off: list[bool] = []

    async def never_returns(*_: object) -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cut_off.append(True)
            raise
        return 0

    monkeypatch.setattr(PostgresSearch, "count", never_returns)
    async with client(serve, settings, await make_key(Scope.DIAMONDS_READ), graphql_timeout_seconds=0.3) as calling:
        answer = await calling.post("/graphql", json={"query": "{ diamonds { totalCount } }"})
    assert (answer.status_code, codes(answer.json())) == (503, ["SERVICE_UNAVAILABLE"])
    assert cut_off == [True]


async def test_registered_document_is_executed_by_id(
    api: httpx.AsyncClient, manifest_settings: PersistedDocuments
) -> None:
    key = await manifest_settings.register(COUNT, client_id="shop", name="count.graphql")
    assert key == document_id(COUNT)
    assert await manifest_settings.register(COUNT, client_id="other", name="again") == key
    variables = {"shape": "ROUND"}
    expected = {"diamonds": {"totalCount": 0}}
    for given in (key, f"sha256:{key}", key.upper()):
        body = (await api.post("/graphql", json={"documentId": given, "variables": variables})).json()
        assert body["data"] == expected
    query = urlencode({"documentId": key, "variables": json.dumps(variables), "operationName": "Count"})
    got = await api.get(f"/graphql?{query}")
    assert (got.status_code, got.json()["data"]) == (200, expected)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"documentId": "0" * 64}, 404, "NOT_FOUND"),
        ({"documentId": "x\x00"}, 404, "NOT_FOUND"),
        ({"documentId": "0" * 64, "query": "{ __typename }"}, 400, "BAD_REQUEST"),
        ({"documentId": None, "query": None}, 400, "BAD_REQUEST"),
    ],
)
async def test_unknown_id_or_id_with_text_is_rejected(
    api: httpx.AsyncClient, given: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.post("/graphql", json=given)
    assert (answer.status_code, codes(answer.json())) == (status, [code])


async def test_get_executes_no_cross_site_request(
    api: httpx.AsyncClient, manifest_settings: PersistedDocuments, make_key: MakeKey
) -> None:
    pricing = await make_key(Scope.PRICING_WRITE)
    key = await manifest_settings.register("mutation { inventoryReprice { job { id } } }", client_id="shop", name="a")
    other = await manifest_settings.register(COUNT, client_id="shop", name="b")
    text = {"query": "{ __typename }"}
    for query in (text, text | {"documentId": key}, text | {"documentId": other}, {"documentId": key}, {}):
        answer = await api.get(f"/graphql?{urlencode(query)}", headers={"X-API-Key": pricing})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), query
    for variables in ("{", "[]", "1", '{"shape": "\ud800"}'.encode("utf-8", "surrogatepass")):
        answer = await api.get("/graphql", params=httpx.QueryParams({"documentId": other, "variables": variables}))
        assert (answer.status_code, codes(answer.json())) == (400, ["BAD_REQUEST"]), variables
    anonymous = await api.get(f"/graphql?documentId={other}", headers={"X-API-Key": ""})
    assert anonymous.status_code == 401


async def test_only_registered_documents_are_executed_when_required(
    serve: Serve, settings: Settings, make_key: MakeKey, manifest_settings: PersistedDocuments
) -> None:
    key = await manifest_settings.register(PAGE, client_id="shop", name="page.graphql")
    async with client(serve, settings, await make_key(Scope.DIAMONDS_READ), graphql_registered_only=True) as calling:
        for given in ({"documentId": key}, {"query": PAGE}):
            assert (await calling.post("/graphql", json=given)).json()["data"] == {"diamonds": {"nodes": []}}
        for text in ("{ __typename }", f"{PAGE} ", "{"):
            refused = await calling.post("/graphql", json={"query": text})
            assert (refused.status_code, codes(refused.json())) == (403, ["FORBIDDEN"]), text


async def test_batches_and_uploads_are_rejected(api: httpx.AsyncClient) -> None:
    batch = await api.post("/graphql", json=[{"query": "{ __typename }"}] * 2)
    assert (batch.status_code, codes(batch.json())) == (400, ["BAD_REQUEST"])
    parts: dict[str, Any] = {
        "operations": (None, '{"query": "{ __typename }"}'),
        "map": (None, "{}"),
        "0": ("a.txt", b"a"),
    }
    upload = await api.post("/graphql", files=parts)
    assert (upload.status_code, codes(upload.json())) == (415, ["BAD_REQUEST"])


async def test_documents_are_registered_by_command(settings: Settings, api: httpx.AsyncClient, tmp_path: Path) -> None:
    servers = {"DATABASE_URL": settings.database.need("url")}
    (tmp_path / "page.graphql").write_text(PAGE)
    (tmp_path / "all.json").write_text(json.dumps({f"sha256:{document_id(COUNT)}": COUNT}))
    files = [str(tmp_path / name) for name in ("page.graphql", "all.json")]
    refused = await run("documents", "register", *files, "--client", "shop", settings=servers)
    assert (refused.code, "shop" in refused.err) == (1, True), refused.err
    done = await run("documents", "register", *files, "--client", "test-client", settings=servers)
    assert done.code == 0, done.err
    assert [line.split()[0] for line in done.out.splitlines()] == [document_id(PAGE), document_id(COUNT)]
    found = await api.post("/graphql", json={"documentId": document_id(PAGE)})
    assert found.json()["data"] == {"diamonds": {"nodes": []}}

    good = "{ me { keyId } }"
    (tmp_path / "good.graphql").write_text(good)
    (tmp_path / "wrong.json").write_text(json.dumps({"0" * 64: COUNT}))
    (tmp_path / "bad.graphql").write_text("{ diamondz { totalCount } }")
    for name, reason in (
        ("bad.graphql", "Did you mean"),
        ("wrong.json", "is not the SHA-256"),
        ("none", "can't be read"),
    ):
        failed = await run("documents", "register", files[0], str(tmp_path / "good.graphql"), str(tmp_path / name),
                           settings=servers)  # fmt: skip
        assert (failed.code, reason in failed.err) == (1, True), failed.err
        assert "Traceback" not in failed.err
    assert (await api.post("/graphql", json={"documentId": document_id(good)})).status_code == 404
