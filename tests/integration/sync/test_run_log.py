"""Log lines of a run: collected from the log of a process, stored in batches, read through GraphQL, pruned with their age."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.logging import notify_observers
from inventory.core.settings import Settings
from sync.container import Container
from sync.runs import run_log as module
from sync.runs.run_log import RunLogWriter
from tests.integration.sync.conftest import Execute
from tests.integration.sync.maintenance import JUST_AFTER, MaintenanceAt
from tests.integration.sync.operators import Ask, ask, caller, pipeline, settings

__all__ = ["ask", "pipeline", "settings"]  # fixtures

LOG = """query ($id: ID!, $first: Int! = 50, $before: ID) {
  syncRunLog(runId: $id, first: $first, before: $before) { id level role event details }
}"""


def line(run_id: UUID, event: str, **fields: Any) -> None:
    """Log an event in the format that structlog passes on."""
    notify_observers(None, "info", {"run_id": str(run_id), "level": "info", "role": "worker", "event": event, **fields})


async def read(ask: Ask, run_id: object, **arguments: Any) -> list[Mapping[str, Any]]:
    body = await ask(LOG, id=str(run_id), **arguments)
    found: list[Mapping[str, Any]] = body["data"]["syncRunLog"]
    return found


async def test_lines_of_run_are_stored_and_read_newest_first(ask: Ask, database: Database) -> None:
    run_id = uuid4()
    async with RunLogWriter.open(database):
        line(run_id, "partition_claimed", planned=5, trace_id="x")
        line(run_id, "partition_failed", error="no answer\x00", level="warning")
        line(uuid4(), "partition_claimed")
        notify_observers(None, "info", {"event": "without_a_run"})
        notify_observers(None, "info", {"event": "not_an_id", "run_id": "latest"})
    line(run_id, "after_the_end")
    newest, oldest = await read(ask, run_id)
    assert (newest["event"], newest["level"], newest["details"]) == (
        "partition_failed",
        "warning",
        "error=no answer\ufffd",
    )
    assert (oldest["event"], oldest["role"], oldest["details"]) == ("partition_claimed", "worker", "planned=5")
    assert await read(ask, run_id, first=1) == [newest]
    assert await read(ask, run_id, before=newest["id"]) == [oldest]
    assert await read(ask, "nothing") == []


async def test_lines_of_run_are_limited_and_last_one_reports_it(ask: Ask, database: Database, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_MAX_OF_RUN", 3)
    run_id = uuid4()
    async with RunLogWriter.open(database):
        for number in range(10):
            line(run_id, f"event_{number}")
    assert [one["event"] for one in await read(ask, run_id)] == ["further_lines_dropped", "event_1", "event_0"]


async def test_lines_are_kept_while_database_is_unavailable(settings: Settings, database: Database, ask: Ask) -> None:
    run_id = uuid4()
    away = settings.with_values(database_url="postgresql://inventory@127.0.0.1:1/diamonds")
    async with Database.open(away.database) as unreachable:
        writer = RunLogWriter(unreachable)
        writer.collect({"run_id": str(run_id), "event": "one", "role": "worker"})
        await writer.flush()
    writer._database = database
    await writer.flush()
    assert [one["event"] for one in await read(ask, run_id)] == ["one"]


async def test_old_lines_are_pruned(maintenance_at: MaintenanceAt, database: Database, execute: Execute) -> None:
    async with RunLogWriter.open(database):
        for event in ("old", "new"):
            line(uuid4(), event)
    await execute("UPDATE run_log SET at = at - interval '1 year' WHERE event = 'old'")
    assert (await maintenance_at(JUST_AFTER).prune())["prune_run_log"] == 1
    assert await execute("SELECT event FROM run_log") == "new"


async def test_invalid_arguments_are_rejected_and_lines_require_scope(
    ask: Ask, settings: Settings, database: Database, pipeline: Container
) -> None:
    del pipeline
    for wrong in ({"first": 101}, {"before": "x"}):
        (error,) = (await ask(LOG, id=str(uuid4()), **wrong))["errors"]
        assert error["extensions"]["code"] == "VALIDATION_ERROR"
    async with caller(settings, database, Scope.DIAMONDS_READ) as stranger:
        (error,) = (await stranger(LOG, id=str(uuid4())))["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
