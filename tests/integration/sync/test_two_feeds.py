"""Two feeds in one pipeline, one of pages and one of files: their runs overlap and do not affect each other."""

import asyncio
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from inventory.core.database import Database
from inventory.core.errors import FeedDamaged, NothingToRead, SchemaBehind
from inventory.core.settings import Settings
from inventory.runs.models import Run
from sync.container import Container
from sync.messaging.consumer import ConsumerStopped
from sync.messaging.messages import Consolidate, WorkItem, encode
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.planning import RunRequest
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.fake_feed import FakeFeed, payload, stone_id
from tests.integration.pipeline.fake_files import FakeFiles, rows
from tests.integration.sync.conftest import Execute

ACTIVE = "SELECT supplier, supplier_stone_id, supplier_price_cents FROM diamonds WHERE status = 'active' ORDER BY 1, 2"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.with_values(
        feeds="nivoda,acme", feed_acme_kind="csv", feed_acme_source="/data", feed_acme_map="/map", sync_max_partitions=3
    )


@pytest.fixture
def files() -> FakeFiles:
    return FakeFiles()


@pytest_asyncio.fixture
async def both(
    settings: Settings,
    database: Database,
    feed: FakeFeed,
    files: FakeFiles,
    broker: ServiceBusBroker,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
    execute: Execute,
) -> Container:
    await execute("SELECT create_raw_partition('acme')")
    store = FileWatermarkStore(Path(settings.watermark.need("directory")), "acme")
    acme = Container(settings.of_feed("acme"), database, files, broker, store, outbox, broker.dead_letters())
    nivoda = Container(settings, database, feed, broker, watermarks, outbox, broker.dead_letters())
    return msgspec.structs.replace(nivoda, others={"acme": acme})


async def start(both: Container, feed: str, *, full: bool = False) -> Run:
    run, _ = await both.of_feed(feed).scheduler().schedule(RunRequest(full=full))
    return run


async def finish(both: Container, *runs: Run) -> list[Run]:
    """Run a worker and a consolidator for all feeds until these runs have ended."""
    stop = asyncio.Event()
    lifecycle = Lifecycle(both.database, 30)
    roles = [asyncio.create_task(both.work(stop)), asyncio.create_task(both.consolidate(stop))]
    try:
        async with asyncio.timeout(60):
            while any(run.is_open for run in runs):
                await asyncio.sleep(0.05)
                runs = tuple([await lifecycle.get(run.id) for run in runs])
    finally:
        stop.set()
        await asyncio.gather(*roles)
    return list(runs)


async def sync(both: Container, feed: str, *, full: bool = False) -> Run:
    (ended,) = await finish(both, await start(both, feed, full=full))
    return ended


async def read(database: Database, statement: str) -> list[tuple[object, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(statement)]


async def test_runs_of_two_feeds_overlap_and_equal_their_sources(
    both: Container, feed: FakeFeed, files: FakeFiles, database: Database
) -> None:
    feed.put(*range(1, 61), cents=100_000)
    files.deliver("a", [*rows(*range(1, 101)), None])
    runs = [await start(both, "nivoda", full=True), await start(both, "acme")]
    ended = await finish(both, *runs)
    assert [(run.feed, run.status, run.error_message) for run in ended] == [
        ("nivoda", "completed", None),
        ("acme", "completed", None),
    ]
    assert await read(database, ACTIVE) == [
        *(("acme", stone_id(number), 70_000) for number in range(1, 101)),
        *(("nivoda", stone_id(number), 100_000) for number in range(1, 61)),
    ]
    acme = ended[1]
    assert (acme.fetched, acme.distinct_stones, acme.upserted) == (100, 100, 100)
    marks = [await one.watermarks.read() for one in both.feeds.values()]
    assert [mark[0].last_run_id for mark in marks if mark] == [str(run.id) for run in ended]


async def test_failure_of_one_feed_does_not_affect_other(
    both: Container, feed: FakeFeed, files: FakeFiles, database: Database
) -> None:
    feed.put(1, 2)
    files.deliver("a", rows(1, 2))
    await sync(both, "acme")
    files.deliver("b", rows(1))
    files.damaged.add("b")
    with pytest.raises(FeedDamaged):
        await start(both, "acme")
    assert (await sync(both, "nivoda", full=True)).status == "completed"
    assert len(await read(database, ACTIVE)) == 4
    alerts = await read(database, "SELECT feed, kind FROM alerts")
    assert alerts == [("acme", "run_failed")]


async def test_file_is_read_once(both: Container, files: FakeFiles, database: Database) -> None:
    files.deliver("a", rows(1, 2))
    run = await sync(both, "acme")
    assert await read(database, "SELECT feed, digest, name, run_id FROM consumed_files") == [
        ("acme", "a", "a.csv", run.id)
    ]
    with pytest.raises(NothingToRead):
        await start(both, "acme")
    again = await sync(both, "acme", full=True)
    assert (again.status, again.unchanged, again.upserted) == ("completed", 2, 0)


async def test_failed_run_leaves_file_for_next_run(both: Container, files: FakeFiles, database: Database) -> None:
    files.deliver("a", rows(1, 2))
    files.lost.add(1)
    failed = await sync(both, "acme")
    assert failed.status == "partial"
    assert await read(database, "SELECT * FROM consumed_files") == []
    assert await read(database, ACTIVE) == []
    files.lost.clear()
    assert (await sync(both, "acme")).status == "completed"


async def test_partial_file_changes_its_stones_only(both: Container, files: FakeFiles, database: Database) -> None:
    files.deliver("a", rows(*range(1, 31)))
    await sync(both, "acme")
    files.deliver("b", rows(2, cents=80_000), full=False)
    run = await sync(both, "acme")
    assert (run.run_type, run.upserted, run.deleted) == ("incremental", 1, 0)
    assert len(await read(database, ACTIVE)) == 30
    prices = "SELECT supplier_price_cents, count(*) FROM diamonds GROUP BY 1 ORDER BY 1"
    assert await read(database, prices) == [(70_000, 29), (80_000, 1)]


@pytest.mark.parametrize(("unclear", "deleted"), [(False, 1), (True, 0)])
async def test_stone_of_no_row_is_deleted_unless_file_is_damaged(
    both: Container, files: FakeFiles, unclear: bool, deleted: int
) -> None:
    files.deliver("a", rows(*range(1, 31)))
    await sync(both, "acme")
    files.unclear = unclear
    files.deliver("b", rows(*range(2, 31)))
    run = await sync(both, "acme")
    assert (run.status, run.deleted) == ("completed", deleted)


async def test_invalid_row_is_in_quarantine_and_counts_as_read(both: Container, files: FakeFiles) -> None:
    files.deliver("a", [*rows(*range(1, 30)), payload(30, diamond__certificate=None)])
    run = await sync(both, "acme")
    assert (run.status, run.quarantined, run.upserted) == ("completed", 1, 29)


async def test_same_stone_in_two_rows_is_not_proven(both: Container, files: FakeFiles, database: Database) -> None:
    files.deliver("a", [*rows(*range(1, 41)), *rows(1)])
    run = await sync(both, "acme")
    assert (run.status, run.error_code) == ("partial", "INCOMPLETE")
    assert await read(database, ACTIVE) == []


async def test_limits_of_feed_apply_to_its_runs(
    settings: Settings, both: Container, files: FakeFiles, database: Database
) -> None:
    loose = settings.with_values(feed_acme_max_delete_share=0.9).of_feed("acme")
    files.deliver("a", rows(*range(1, 31)))
    await sync(both, "acme")
    files.deliver("b", rows(*range(1, 11)))
    run = await sync(both, "acme")
    assert (run.status, run.error_code) == ("failed", "MASS_DELETE_STOPPED")
    assert "(SYNC_MAX_DELETE_SHARE)" in (run.error_message or "")
    strict = settings.with_values(feed_acme_max_delete_share=0.5).of_feed("acme")
    limited = msgspec.structs.replace(both.others["acme"], settings=strict)
    run = await sync(msgspec.structs.replace(both, others={"acme": limited}), "acme")
    assert "(FEED_ACME_MAX_DELETE_SHARE)" in (run.error_message or "")
    allowed = msgspec.structs.replace(both.others["acme"], settings=loose)
    run = await sync(msgspec.structs.replace(both, others={"acme": allowed}), "acme")
    assert (run.status, run.deleted) == ("completed", 20)


async def test_part_is_continued_at_its_checkpoint(both: Container, files: FakeFiles, execute: Execute) -> None:
    files.deliver("a", rows(*range(1, 101)))
    chosen = both.of_feed("acme").settings.with_values(sync_max_partitions=1).of_feed("acme")
    one = msgspec.structs.replace(both, others={"acme": msgspec.structs.replace(both.others["acme"], settings=chosen)})
    run = await start(one, "acme")
    files.reached = asyncio.Event()
    partition_id = await execute("SELECT id FROM worker_runs WHERE run_id = $1", run.id)
    assert isinstance(partition_id, UUID)
    item = WorkItem(run_id=run.id, partition_id=partition_id, trace_id=run.trace_id, feed="acme")
    # The worker stops while it reads, so it releases the partition after its first page.
    with pytest.raises(ConsumerStopped):
        await one.others["acme"].worker(files.reached).handle(encode(item), False)
    assert await execute("SELECT fetched FROM worker_runs WHERE run_id = $1", run.id) == FakeFiles.page_size
    files.reached = None
    files.read_positions.clear()
    (ended,) = await finish(one, run)
    assert (ended.status, ended.upserted, ended.fetched) == ("completed", 100, 100)
    assert files.read_positions == [20, 40, 60, 80]


async def test_message_without_feed_is_handled_by_feed_of_run(
    both: Container, files: FakeFiles, broker: ServiceBusBroker
) -> None:
    files.deliver("a", rows(1))
    run = await start(both, "acme")
    (ended,) = await finish(both, run)
    assert ended.status == "completed"
    await broker.send("consolidate", [encode(Consolidate(run_id=run.id, trace_id=run.trace_id))])
    stop = asyncio.Event()
    consolidating = asyncio.create_task(both.consolidate(stop))
    try:
        assert await broker.dead_letters().peek("consolidate", 10) == []
    finally:
        stop.set()
        await consolidating


async def test_schedule_requires_raw_table(settings: Settings, both: Container, files: FakeFiles) -> None:
    chosen = settings.with_values(feeds="other", feed_other_kind="csv", feed_other_source="/", feed_other_map="/m")
    other = msgspec.structs.replace(both.others["acme"], settings=chosen)
    with pytest.raises(SchemaBehind, match="diamonds-app migrate"):
        await other.scheduler().schedule(RunRequest())
