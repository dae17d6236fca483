"""A supplier defined by a column map and settings, through the pipeline: exact prices, quarantine, removals, one read per file."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from inventory.alerts.service import IncidentService
from inventory.core.database import Database
from inventory.core.errors import FeedDamaged, NothingToRead
from inventory.core.settings import Settings
from inventory.runs.models import Run
from inventory.runs.review import quarantine_groups
from inventory.suppliers.registry import supplier_of
from sync.container import Container
from sync.jobs.maintenance import Maintenance
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.planning import RunRequest
from sync.watermark.file import FileWatermarkStore
from tests.integration.sync.conftest import Execute
from tests.integration.sync.maintenance import incidents
from tests.unit.suppliers.csv_files.price_lists import row, text_of, toml

ACTIVE = """
SELECT supplier_stone_id, supplier_price_cents FROM diamonds WHERE supplier = 'gems' AND status = 'active' ORDER BY 1
"""
PROBLEMS = "SELECT supplier_stone_id, problem FROM raw_diamonds WHERE feed = 'gems' AND problem IS NOT NULL AND gone_at IS NULL"


class PriceLists:
    """The folder of a supplier and the pipeline of its feed."""

    def __init__(self, folder: Path, container: Container) -> None:
        self.folder = folder
        self.container = container
        self._minute = 0

    def deliver(self, name: str, content: Sequence[Sequence[str]] | str) -> None:
        """Write a file that is a minute newer than the file before."""
        self._minute += 1
        (self.folder / name).write_text(content if isinstance(content, str) else text_of(content))
        os.utime(self.folder / name, (self._minute * 60, self._minute * 60))

    async def sync(self) -> Run:
        """Run the pipeline for one run."""
        run, _ = await self.container.scheduler().schedule(RunRequest(full=False))
        stop = asyncio.Event()
        lifecycle = Lifecycle(self.container.database, 30)
        roles = [asyncio.create_task(self.container.work(stop)), asyncio.create_task(self.container.consolidate(stop))]
        try:
            async with asyncio.timeout(60):
                while run.is_open:
                    await asyncio.sleep(0.05)
                    run = await lifecycle.get(run.id)
        finally:
            stop.set()
            await asyncio.gather(*roles)
        return run

    async def read(self, statement: str) -> list[tuple[object, ...]]:
        async with self.container.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement)]


@pytest_asyncio.fixture
async def lists(
    settings: Settings, database: Database, broker: ServiceBusBroker, outbox: Outbox, execute: Execute, tmp_path: Path
) -> AsyncIterator[PriceLists]:
    folder = tmp_path / "gems"
    folder.mkdir()
    (tmp_path / "gems.toml").write_text(toml(without=["total_price"], price_per_carat='{ headers = ["Price"] }'))
    chosen = settings.with_values(
        feeds="nivoda,gems",
        feed_gems_kind="csv",
        feed_gems_source=str(folder),
        feed_gems_map=str(tmp_path / "gems.toml"),
        feed_gems_settle_seconds=0,
        sync_max_partitions=3,
    ).of_feed("gems")
    await execute("SELECT create_raw_partition('gems')")
    store = FileWatermarkStore(Path(chosen.watermark.need("directory")), "gems")
    async with supplier_of(chosen).open_feed(chosen) as feed:
        yield PriceLists(folder, Container(chosen, database, feed, broker, store, outbox, broker.dead_letters()))


def stones(count: int, **cells: str) -> list[list[str]]:
    return [row(f"S{number:03}", Report=str(number), **cells) for number in range(1, count + 1)]


async def test_price_list_becomes_the_inventory_to_the_cent(lists: PriceLists) -> None:
    rows = stones(40, Carat="1.01", Price="1234.57")
    rows[3] = row("S004", Report="4", Carat="zero")
    lists.deliver("full-1.csv", [*rows, rows[0]])
    run = await lists.sync()
    assert (run.status, run.error_message) == ("completed", None)
    assert (run.upserted, run.quarantined) == (39, 1)
    assert await lists.read(ACTIVE) == [
        (f"S{number:03}#{number}", 124692)
        for number in range(1, 41)
        if number != 4  # 1234.57 * 1.01 = 1246.9157
    ]
    assert await lists.read(PROBLEMS) == [("S004#4", "carat, column \"Carat\": is not a number ('zero') (line 5)")]
    with pytest.raises(NothingToRead):
        await lists.sync()


async def test_rows_with_the_same_problem_are_one_group(lists: PriceLists) -> None:
    rows = stones(40)
    for number in (3, 7):
        rows[number] = row(f"S{number + 1:03}", Report=str(number + 1), Carat="zero")
    rows[9] = row("S010", Report="10", Carat="")
    lists.deliver("full-1.csv", rows)
    await lists.sync()
    async with lists.container.database.connection() as connection:
        groups = await quarantine_groups(connection, None)
    assert [(group.problem, group.items) for group in groups] == [
        ("carat, column \"Carat\": is not a number ('zero')", 2),
        ('carat, column "Carat": is missing (line 11)', 1),
    ]


async def test_changes_and_removals(lists: PriceLists) -> None:
    lists.deliver("full-1.csv", stones(40))
    await lists.sync()
    lists.deliver("delta-1.csv", [row("S001", Report="1", Price="1"), row("S041", Report="41")])
    run = await lists.sync()
    assert (run.run_type, run.upserted, run.deleted) == ("incremental", 2, 0)
    assert (await lists.read(ACTIVE))[0] == ("S001#1", 100)
    # The same name with another content; S002 is gone, S003 has another stone.
    rows = [*stones(40)[3:], row("S003", Report="33"), row("S001", Report="1"), row("S041", Report="41")]
    lists.deliver("full-1.csv", rows)
    run = await lists.sync()
    assert (run.run_type, run.status, run.deleted) == ("full", "completed", 2)
    found = await lists.read(ACTIVE)
    assert [found[0], found[1], len(found)] == [("S001#1", 500000), ("S003#33", 500000), 40]


@pytest.mark.parametrize("content", ["", "Access denied\n", text_of([])])
async def test_unusable_file_removes_nothing(lists: PriceLists, content: str) -> None:
    lists.deliver("full-1.csv", stones(10))
    await lists.sync()
    lists.deliver("full-2.csv", content)
    with pytest.raises(FeedDamaged, match=r"full-2\.csv: "):
        await lists.sync()
    assert len(await lists.read(ACTIVE)) == 10
    lists.deliver("full-3.csv", stones(9))
    assert (await lists.sync()).deleted == 1


async def test_damaged_file_updates_and_removes_nothing(lists: PriceLists) -> None:
    lists.deliver("full-1.csv", stones(40))
    await lists.sync()
    lines = text_of(stones(38, Price="6000")).splitlines()
    lines[5] = '"' + lines[5]
    lists.deliver("full-2.csv", "\n".join(lines) + "\n")
    run = await lists.sync()
    assert (run.status, run.deleted, run.upserted) == ("completed", 0, 37)
    assert len(await lists.read(ACTIVE)) == 40


async def test_stored_rows_are_mapped_again(lists: PriceLists) -> None:
    lists.deliver("full-1.csv", [row("A", Report="1"), row("B", Report="2", Price="x")])
    await lists.sync()
    remap = supplier_of(lists.container.settings).remap(lists.container.settings)
    stored = await lists.read("SELECT payload::text, payload_hash, problem FROM raw_diamonds WHERE feed = 'gems'")
    assert len(stored) == 2
    for payload, payload_hash, problem in stored:
        item = remap(str(payload).encode(), lab_grown=None)
        assert (item.payload_hash, item.problem) == (payload_hash, problem)


async def test_silent_supplier_is_alerted_once_by_age_of_feed(lists: PriceLists, database: Database) -> None:
    async def watch(hours: float, **values: object) -> list[str]:
        settings = lists.container.settings.with_values(**values).of_feed("gems")
        container = lists.container
        now = run.window_to + timedelta(hours=hours)
        scheduler, letters = container.scheduler(), container.dead_letters
        await Maintenance(settings, database, scheduler, letters, lambda: now).watch_silence()
        return await incidents(database)

    lists.deliver("full-1.csv", stones(40))
    run = await lists.sync()
    assert await watch(25.9) == []
    assert await watch(100, feed_gems_max_age_hours=200) == []
    (silent,) = await watch(27)
    assert silent == f"feed_silent:gems:{run.window_to.isoformat()}"
    assert await watch(40) == [silent]
    async with database.connection() as connection:
        content = await connection.fetchval("SELECT content FROM alerts")
    assert content["subject"] == "The supplier has delivered nothing new for 1 d 3 h (gems)"
    assert "FEED_GEMS_MAX_AGE_HOURS" in content["reason"]
    # A new list ends the silence, and a list that could not be taken in has a separate alert.
    lists.deliver("full-2.csv", stones(40, Price="99"))
    run = await lists.sync()
    assert run.status == "completed"
    assert await watch(1) == [silent]
    assert [one.id for one in await IncidentService(database).list(10, open_only=True)] == []
