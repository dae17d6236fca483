"""What operators do through GraphQL reaches the pipeline, and what becomes of it reaches them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from app.access.issuing import Issuing
from app.access.scopes import Scope
from app.core.database import Database
from app.core.settings import Settings
from app.graphql.roots import mutations
from app.main import create_app
from app.runs import repository
from sync import housekeeper
from sync.adapters.servicebus import ServiceBusBroker
from sync.adapters.watermark_file import FileWatermarkStore
from sync.lifecycle import Lifecycle
from sync.outbox import Outbox
from sync.scheduler import Request
from sync.wiring import Pipeline
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf
from tests.integration.sync.conftest import Execute, OpenRun

PAYLOAD = """run { databaseId status startedBy } job { id kind status changed error { code message } run { status } }
  userErrors { field message code }"""
START = f"mutation ($key: String!, $full: Boolean!) {{ syncStart(idempotencyKey: $key, full: $full) {{ {PAYLOAD} }} }}"
RUN = """databaseId status type feed startedBy figures { fetched upserted } error { code message }
  progress { total succeeded failed open planned maxOverMean }
  plan { total priced bands { ordinal kind priceFrom { cents } priceTo { cents } planned } }
  partitions { id ordinal kind status priceFrom { amount } priceTo { amount } planned errorMessage }"""

Ask = Callable[..., Awaitable[Mapping[str, Any]]]


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return Settings.read(**settings.model_dump(exclude_unset=True) | {"redis_url": redis_url, "sync_nightly": False})


@pytest.fixture
def pipeline(
    settings: Settings,
    database: Database,
    shelf: Shelf,
    broker: ServiceBusBroker,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
) -> Pipeline:
    return Pipeline(settings, database, shelf, broker, watermarks, outbox, broker.dead_letters())


@asynccontextmanager
async def caller(settings: Settings, database: Database, *scopes: Scope) -> AsyncIterator[Ask]:
    """Asks the API, without a socket in between, as someone with these scopes."""
    key = (await Issuing(database).create("test", "ops", scopes)).key.text
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:
        served = httpx.ASGITransport(with_state(app, state))
        async with httpx.AsyncClient(transport=served, base_url="http://api", headers={"X-API-Key": key}) as client:

            async def ask(document: str, **variables: Any) -> Mapping[str, Any]:
                response = await client.post("/graphql", json={"query": document, "variables": variables}, timeout=30)
                body: Mapping[str, Any] = response.json()
                return body

            yield ask


def with_state(app: Any, state: Any) -> Any:
    """The application with its lifespan's state in each request, as a server puts it there."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"state": dict(state)}, receive, send)

    return served


@pytest_asyncio.fixture
async def ask(settings: Settings, database: Database) -> AsyncIterator[Ask]:
    """Asks as an operator."""
    scopes = (Scope.SYNC_READ, Scope.SYNC_ADMIN, Scope.PRICING_WRITE)
    async with caller(settings, database, *scopes) as asked:
        yield asked


@pytest_asyncio.fixture
async def housekeeping(pipeline: Pipeline) -> AsyncIterator[None]:
    """The jobs role, at work while the test asks."""
    stop = asyncio.Event()
    working = asyncio.create_task(housekeeper.serve(pipeline, stop))
    yield
    stop.set()
    await working


async def of_run(ask: Ask, name: str, run_id: object, arguments: str = "") -> Mapping[str, Any]:
    body = await ask(f"mutation ($id: ID!) {{ {name}(id: $id{arguments}) {{ {PAYLOAD} }} }}", id=str(run_id))
    payload: Mapping[str, Any] = body["data"][name]
    return payload


@pytest.mark.usefixtures("housekeeping")
async def test_a_run_is_started_retried_consolidated_and_cancelled(
    ask: Ask, shelf: Shelf, lifecycle: Lifecycle, execute: Execute
) -> None:
    shelf.lay(*range(10))
    started = (await ask(START, key="1", full=True))["data"]["syncStart"]
    assert started["userErrors"] == []
    assert (started["job"]["kind"], started["job"]["status"]) == ("SYNC_START", "DONE")
    run = started["run"]
    assert (run["status"], run["startedBy"]) == ("RUNNING", "api:ops")

    again = (await ask(START, key="1", full=True))["data"]["syncStart"]
    assert (again["job"]["id"], again["run"]) == (started["job"]["id"], run)
    other = (await ask(START, key="2", full=True))["data"]["syncStart"]
    assert [error["code"] for error in other["userErrors"]] == ["CONFLICT"]
    assert other["job"]["status"] == "FAILED"
    reused = (await ask(START, key="1", full=False))["data"]["syncStart"]
    assert (reused["job"], [error["code"] for error in reused["userErrors"]]) == (None, ["CONFLICT"])

    refused = await of_run(ask, "syncRetry", run["databaseId"])
    assert "can be retried" in refused["userErrors"][0]["message"]
    await execute("UPDATE worker_runs SET status = 'failed'")
    await lifecycle.settle(UUID(run["databaseId"]))
    retried = await of_run(ask, "syncRetry", run["databaseId"])
    assert (retried["run"]["status"], retried["job"]["changed"], retried["userErrors"]) == ("RUNNING", 1, [])
    await execute("UPDATE worker_runs SET status = 'failed'")
    await lifecycle.settle(UUID(run["databaseId"]))
    gaps = await of_run(ask, "syncConsolidate", run["databaseId"])
    assert [error["code"] for error in gaps["userErrors"]] == ["CONFLICT"]
    forced = await of_run(ask, "syncConsolidate", run["databaseId"], ", force: true")
    assert forced["run"]["status"] == "CONSOLIDATING"
    cancelled = await of_run(ask, "syncCancel", run["databaseId"])
    assert (cancelled["run"]["status"], cancelled["job"]["run"]) == ("CANCELLED", {"status": "CANCELLED"})
    assert [error["code"] for error in (await of_run(ask, "syncCancel", run["databaseId"]))["userErrors"]] == [
        "CONFLICT"
    ]
    for name in ("syncRetry", "syncConsolidate", "syncCancel"):
        for key in (uuid4(), "nonsense"):
            missing = await of_run(ask, name, key)
            assert [error["code"] for error in missing["userErrors"]] == ["NOT_FOUND"], (name, key)


@pytest.mark.usefixtures("housekeeping")
async def test_one_partition_alone_is_read_again(
    ask: Ask, open_run: OpenRun, execute: Execute, lifecycle: Lifecycle
) -> None:
    run = await open_run(3)
    await execute("UPDATE worker_runs SET status = 'failed'")
    await lifecycle.settle(run.id)
    partitions = (await ask(f"{{ syncRuns {{ nodes {{ {RUN} }} }} }}"))["data"]["syncRuns"]["nodes"][0]["partitions"]
    one = await of_run(ask, "syncRetry", run.id, f', partitionId: "{partitions[1]["id"]}"')
    assert (one["userErrors"], one["job"]["changed"]) == ([], 1)
    statuses = await ask("query ($id: ID!) { syncRun(id: $id) { partitions { status } } }", id=str(run.id))
    assert [part["status"] for part in statuses["data"]["syncRun"]["partitions"]] == ["FAILED", "PENDING", "FAILED"]
    wrong = await of_run(ask, "syncRetry", run.id, ', partitionId: "x"')
    assert [error["code"] for error in wrong["userErrors"]] == ["NOT_FOUND"]


async def test_a_job_that_nobody_does_yet_is_answered_and_can_be_asked_for(
    ask: Ask, pipeline: Pipeline, bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "_PATIENCE_SECONDS", 0.2)
    shelf.lay(*range(10))
    await bench.sync()
    await bench.value(
        "INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('a', 1, $1) RETURNING id", Decimal(2)
    )
    waiting = (await ask(START, key="1", full=True))["data"]["syncStart"]
    assert (waiting["run"], waiting["job"]["status"], waiting["userErrors"]) == (None, "QUEUED", [])
    asked = await ask("mutation { inventoryReprice { job { id kind status progress { done } } userErrors { code } } }")
    job = asked["data"]["inventoryReprice"]["job"]
    assert (job["kind"], job["status"], job["progress"]) == ("INVENTORY_REPRICE", "QUEUED", None)
    assert await housekeeper.once(pipeline, asyncio.Event())

    document = (
        "query ($id: ID!) { job(id: $id) { status changed progress { done total } run { type } error { code } } }"
    )
    assert (await ask(document, id=job["id"]))["data"]["job"] == {
        "status": "DONE", "changed": 10, "progress": {"done": 10, "total": 10}, "run": None, "error": None,
    }  # fmt: skip
    started = (await ask(document, id=waiting["job"]["id"]))["data"]["job"]
    assert started == {
        "status": "DONE", "changed": None, "progress": None, "run": {"type": "FULL"}, "error": None,
    }  # fmt: skip
    assert (await ask(document, id="nonsense"))["data"]["job"] is None


async def test_runs_are_listed_a_page_at_a_time_newest_first(ask: Ask, open_run: OpenRun, lifecycle: Lifecycle) -> None:
    ids = []
    for _ in range(5):
        run = await open_run(1)
        ids.append(str(run.id))
        await lifecycle.cancel(run.id, "a test")
    document = """query ($after: String) { syncRuns(first: 2, after: $after) {
      totalCount edges { cursor node { databaseId } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    seen: list[str] = []
    after = None
    while True:
        page = (await ask(document, after=after))["data"]["syncRuns"]
        seen += [edge["node"]["databaseId"] for edge in page["edges"]]
        assert page["totalCount"] == 5
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == ids[::-1]
    filters = {"status: [CANCELLED]": 5, "status: []": 0, "type: FULL": 5, "type: INCREMENTAL": 0,
               'feed: "nivoda"': 5, 'feed: "x\\u0000"': 0, "status: null, type: null": 5}  # fmt: skip
    for arguments, count in filters.items():
        found = (await ask(f"{{ syncRuns({arguments}) {{ totalCount nodes {{ id }} }} }}"))["data"]["syncRuns"]
        assert (found["totalCount"], len(found["nodes"])) == (count, count), arguments
    for arguments, fields in {
        "first: 101": {"first": "should be between 0 and 100"},
        "first: -1": {"first": "should be between 0 and 100"},
        'after: "x"': {"after": "is not a cursor"},
    }.items():
        refused = await ask(f"{{ syncRuns({arguments}) {{ totalCount }} }}")
        extensions = refused["errors"][0]["extensions"]
        assert (extensions["code"], extensions["fields"]) == ("VALIDATION_ERROR", fields)


async def test_a_run_shows_its_plan_its_partitions_and_its_figures(
    ask: Ask, pipeline: Pipeline, shelf: Shelf, lifecycle: Lifecycle, execute: Execute
) -> None:
    shelf.lay(*range(10), cents=500_00)
    request = Request(full=True, moves_watermark=True, started_by="a test")
    run, plan = await pipeline.scheduler().schedule(request)
    body = await ask(f"query ($id: ID!) {{ syncRun(id: $id) {{ id {RUN} }} }}", id=str(run.id))
    shown = body["data"]["syncRun"]
    assert (shown["status"], shown["type"], shown["feed"], shown["startedBy"]) == (
        "RUNNING",
        "FULL",
        "nivoda",
        "a test",
    )
    assert (shown["error"], shown["figures"]) == (None, {"fetched": 0, "upserted": 0})
    assert shown["plan"]["total"] == plan.total == 10
    assert [(band["ordinal"], band["kind"], band["planned"]) for band in shown["plan"]["bands"]] == [
        (band.ordinal, band.kind.upper(), band.planned) for band in plan.bands
    ]
    async with pipeline.database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    assert [part["id"] for part in shown["partitions"]] == [str(part.id) for part in partitions]
    assert shown["progress"] == {
        "total": len(partitions), "succeeded": 0, "failed": 0, "open": len(partitions), "planned": 10, "maxOverMean": 1.0,
    }  # fmt: skip
    node = await ask(f"query ($id: ID!) {{ node(id: $id) {{ ... on SyncRun {{ {RUN} }} }} }}", id=shown["id"])
    assert node["data"]["node"] == {name: value for name, value in shown.items() if name != "id"}
    await lifecycle.cancel(run.id, "a test")
    await execute("UPDATE worker_runs SET price_from = 1200, price_to = NULL, error_message = 'x'")
    shown = (await ask(f"query ($id: ID!) {{ syncRun(id: $id) {{ {RUN} }} }}", id=str(run.id)))["data"]["syncRun"]
    assert shown["partitions"][0]["priceFrom"] == {"amount": "1200.00"}
    assert (shown["partitions"][0]["priceTo"], shown["partitions"][0]["errorMessage"]) == (None, "x")
    assert shown["error"]["message"] == "Cancelled by a test"


async def test_partitions_and_progress_of_a_page_are_one_statement_each(
    ask: Ask, open_run: OpenRun, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await lifecycle.cancel((await open_run(3)).id, "a test")
    sent: list[str] = []
    plain = Database.connection

    @asynccontextmanager
    async def observed(self: Database) -> AsyncIterator[Any]:
        async with plain(self) as connection:
            with connection.query_logger(lambda record: sent.append(record.query)):
                yield connection

    monkeypatch.setattr(Database, "connection", observed)
    document = "{ syncRuns { nodes { %s } } }"
    for selected, expected in (
        ("status", 1),
        ("partitions { id }", 2),
        ("partitions { id } progress { total } plan { total } figures { fetched }", 3),
    ):
        await ask(document % selected)
        sent.clear()
        assert len((await ask(document % selected))["data"]["syncRuns"]["nodes"]) == 4
        assert len(sent) == expected, sent


async def test_each_scope_opens_its_own_part(settings: Settings, database: Database, open_run: OpenRun) -> None:
    run = await open_run(1)
    reading = ["{ syncRuns { totalCount } }", f'{{ syncRun(id: "{run.id}") {{ id }} }}']
    acting = [
        'mutation { syncStart(idempotencyKey: "1") { userErrors { code } } }',
        *(f'mutation {{ {name}(id: "{run.id}") {{ userErrors {{ code }} }} }}'
          for name in ("syncRetry", "syncConsolidate", "syncCancel")),
    ]  # fmt: skip
    for scopes, refused, allowed in (
        ((Scope.SYNC_READ,), acting, reading),
        ((Scope.SYNC_ADMIN,), reading, []),
        ((Scope.PRICING_WRITE,), [*reading, *acting], []),
    ):
        async with caller(settings, database, *scopes) as ask:
            for document in refused:
                body = await ask(document)
                assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"], (scopes, document)
            for document in allowed:
                assert "errors" not in await ask(document), document
    async with database.connection() as connection:
        assert (await repository.run(connection, run.id)).status == "running"


async def test_a_job_is_shown_to_those_who_may_see_what_it_is_about(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "_PATIENCE_SECONDS", 0)
    ids = {}
    async with caller(settings, database, Scope.PRICING_WRITE, Scope.SYNC_ADMIN) as ask:
        asked = await ask("mutation { inventoryReprice { job { id } } }")
        ids["reprice"] = asked["data"]["inventoryReprice"]["job"]["id"]
        ids["start"] = (await ask(START, key="1", full=True))["data"]["syncStart"]["job"]["id"]
    for scope, name in ((Scope.PRICING_WRITE, "reprice"), (Scope.SYNC_READ, "start")):
        async with caller(settings, database, scope) as ask:
            for known, job_id in ids.items():
                body = await ask("query ($id: ID!) { job(id: $id) { status } }", id=job_id)
                if known == name:
                    assert body["data"]["job"] == {"status": "QUEUED"}
                else:
                    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
