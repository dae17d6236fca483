"""Operations through GraphQL reach the pipeline, and their results are returned."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from app.auth.scopes import Scope
from app.graphql.sync import mutations
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.settings import Settings
from inventory.runs import repository
from sync.container import Container
from sync.jobs import worker
from sync.runs.lifecycle import Lifecycle
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import Execute, OpenRun
from tests.integration.sync.operators import RUN, Ask, ask, caller, pipeline, settings

__all__ = ["ask", "pipeline", "settings"]  # fixtures

PAYLOAD = """run { databaseId status startedBy } job { id kind status changed error { code message } run { status } }
  userErrors { field message code }"""
START = f"mutation ($key: String!, $full: Boolean!) {{ syncStart(input: {{idempotencyKey: $key, full: $full}}) {{ {PAYLOAD} }} }}"


@pytest_asyncio.fixture
async def job_worker(pipeline: Container) -> AsyncIterator[None]:
    """A running job worker."""
    stop = asyncio.Event()
    working = asyncio.create_task(worker.serve(pipeline, stop))
    yield
    stop.set()
    await working


async def of_run(ask: Ask, name: str, run_id: object, arguments: str = "") -> Mapping[str, Any]:
    body = await ask(
        f"mutation ($id: ID!) {{ {name}(input: {{runId: $id{arguments}}}) {{ {PAYLOAD} }} }}", id=str(run_id)
    )
    payload: Mapping[str, Any] = body["data"][name]
    return payload


@pytest.mark.usefixtures("job_worker")
async def test_run_is_started_retried_consolidated_and_cancelled(
    ask: Ask, feed: FakeFeed, lifecycle: Lifecycle, execute: Execute
) -> None:
    feed.put(*range(10))
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


async def test_rejected_request_is_answered_without_job(ask: Ask, open_run: OpenRun, lifecycle: Lifecycle) -> None:
    old = await open_run(1)
    await lifecycle.cancel(old.id, "a test")
    unplanned = await open_run(None)
    await lifecycle.fail(unplanned.id, InventoryError("The supplier is away"))
    for name, run, reason in (
        ("syncRetry", old, "not the newest"),
        ("syncConsolidate", old, "not the newest"),
        ("syncCancel", old, "has ended already"),
        ("syncRetry", unplanned, "failed before it was planned"),
        ("syncConsolidate", unplanned, "failed before it was planned"),
    ):
        refused = await of_run(ask, name, run.id)
        assert (refused["job"], refused["run"]["databaseId"]) == (None, str(run.id))
        ((problem),) = refused["userErrors"]
        assert (problem["code"], reason in problem["message"]) == ("CONFLICT", True), problem


@pytest.mark.usefixtures("job_worker")
async def test_single_partition_is_retried(ask: Ask, open_run: OpenRun, execute: Execute, lifecycle: Lifecycle) -> None:
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


async def test_pending_job_is_returned_and_can_be_queried(
    ask: Ask, pipeline: Container, driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "_WAIT_SECONDS", 0.2)
    feed.put(*range(10))
    await driver.sync()
    await driver.value(
        "INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('a', 1, $1) RETURNING id", Decimal(2)
    )
    waiting = (await ask(START, key="1", full=True))["data"]["syncStart"]
    assert (waiting["run"], waiting["job"]["status"], waiting["userErrors"]) == (None, "QUEUED", [])
    asked = await ask("mutation { inventoryReprice { job { id kind status progress { done } } userErrors { code } } }")
    job = asked["data"]["inventoryReprice"]["job"]
    assert (job["kind"], job["status"], job["progress"]) == ("INVENTORY_REPRICE", "QUEUED", None)
    assert await worker.once(pipeline, asyncio.Event())

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


async def test_each_scope_allows_its_operations_only(settings: Settings, database: Database, open_run: OpenRun) -> None:
    run = await open_run(1)
    reading = ["{ syncRuns { totalCount } }", f'{{ syncRun(id: "{run.id}") {{ id }} }}']
    acting = [
        'mutation { syncStart(input: {idempotencyKey: "1"}) { userErrors { code } } }',
        *(f'mutation {{ {name}(input: {{runId: "{run.id}"}}) {{ userErrors {{ code }} }} }}'
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


async def test_job_is_visible_with_scope_of_its_operation(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "_WAIT_SECONDS", 0)
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
