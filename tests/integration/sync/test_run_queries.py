"""Queries about runs: pages, plan, partitions, figures, and the number of statements."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.runs import repository
from sync.container import Container
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.planning import RunRequest
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import Execute, OpenRun
from tests.integration.sync.operators import RUN, Ask, ask, caller, pipeline, settings

__all__ = ["ask", "pipeline", "settings"]  # fixtures


async def test_runs_are_paged_newest_first(ask: Ask, open_run: OpenRun, lifecycle: Lifecycle) -> None:
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


async def test_run_shows_plan_partitions_and_figures(
    ask: Ask, pipeline: Container, feed: FakeFeed, lifecycle: Lifecycle, execute: Execute
) -> None:
    feed.put(*range(10), cents=500_00)
    request = RunRequest(full=True, moves_watermark=True, started_by="a test")
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


async def test_partitions_and_progress_of_page_are_one_statement_each(
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


async def test_supplier_prices_require_scope(
    settings: Settings, database: Database, pipeline: Container, feed: FakeFeed
) -> None:
    feed.put(*range(10), cents=500_00)
    run, _ = await pipeline.scheduler().schedule(RunRequest(full=True, moves_watermark=True, started_by="a test"))
    async with pipeline.database.transaction() as connection:
        await connection.execute("UPDATE worker_runs SET price_from = 300, price_to = 900")
    parts = ("partitions { priceFrom { cents } priceTo { cents } }", "plan { bands { priceFrom { cents } } }")
    async with (
        caller(settings, database, Scope.SYNC_READ) as outsider,
        caller(settings, database, Scope.SYNC_READ, Scope.PRICES_SUPPLIER) as trusted,
    ):
        for part in parts:
            document = f'{{ syncRun(id: "{run.id}") {{ {part} }} }}'
            body = await outsider(document)
            assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
            assert "300" not in str(body["data"])
            assert "errors" not in await trusted(document)
        shown = (await trusted(f'{{ syncRun(id: "{run.id}") {{ {parts[0]} }} }}'))["data"]["syncRun"]["partitions"]
    assert {"priceFrom": {"cents": 30_000}, "priceTo": {"cents": 90_000}} in shown
