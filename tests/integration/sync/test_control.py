"""Operations on runs: each is executed, or rejected with a reason."""

from uuid import UUID, uuid4

import pytest

from inventory.core.database import Database
from inventory.core.errors import Conflict, MassDeleteStopped, NotFound, QuarantineExceeded, RunConflict
from inventory.runs import repository
from inventory.runs.models import Partition
from sandbox.broker import Broker as Bus
from sync.operations.control import RunControl
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql
from tests.integration.sync.conftest import Execute, OpenRun

READ_A_PAGE = """UPDATE worker_runs SET fetched = 7, pages = 1, checkpoint = '{"offset": 4}' WHERE id = $1"""


async def parts_of(database: Database, run_id: UUID) -> list[Partition]:
    async with database.connection() as connection:
        return await repository.partitions(connection, run_id)


async def end(database: Database, lifecycle: Lifecycle, run_id: UUID, *errors: str | None) -> None:
    """End the partitions of a run, one error (or None) for each, with 7 stones read in each."""
    for partition, error in zip(await parts_of(database, run_id), errors, strict=True):
        token = uuid4()
        async with database.connection() as connection:
            await connection.fetchrow(sql.claim_partition, partition.id, token, 30.0, "a worker")
            await connection.execute(READ_A_PAGE, partition.id)
        await lifecycle.end_partition(partition, token, error=error)


async def test_retry_reads_only_failed_partitions_of_partial_run(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle, bus: Bus
) -> None:
    run = await open_run(3)
    await end(database, lifecycle, run.id, None, "SUPPLIER_ERROR: no", None)
    assert (await lifecycle.get(run.id)).status == "partial"
    retried, partitions = await control.retry(run.id, None, "someone")
    assert [part.ordinal for part in partitions] == [1]
    assert (retried.status, retried.error_code, retried.error_message) == ("running", None, None)
    assert retried.deadline_at > run.deadline_at
    first, second, third = await parts_of(database, run.id)
    assert (first.status, second.status, third.status) == ("succeeded", "pending", "succeeded")
    assert (second.checkpoint, second.fetched, second.error_message) == (None, 7, None)
    assert bus.counts()["work-items"].active == 1


async def test_retried_run_is_consolidated_when_last_gap_is_closed(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle
) -> None:
    run = await open_run(2)
    await end(database, lifecycle, run.id, None, "no")
    _, (again,) = await control.retry(run.id, None, "someone")
    token = uuid4()
    async with database.connection() as connection:
        await connection.fetchrow(sql.claim_partition, again.id, token, 30.0, "a worker")
    _, trigger = await lifecycle.end_partition(again, token)
    assert trigger
    assert (await lifecycle.get(run.id)).status == "consolidating"


@pytest.mark.parametrize("by_id", [False, True])
async def test_partition_is_selected_by_number_or_id(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle, by_id: bool
) -> None:
    run = await open_run(3)
    await end(database, lifecycle, run.id, None, "no", "no")
    third = (await parts_of(database, run.id))[2]
    _, partitions = await control.retry(run.id, third.id if by_id else 2, "someone")
    assert [part.id for part in partitions] == [third.id]
    assert [part.status for part in await parts_of(database, run.id)] == ["succeeded", "failed", "pending"]


async def test_invalid_retry_is_rejected_with_reason(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle, execute: Execute
) -> None:
    with pytest.raises(NotFound):
        await control.retry(uuid4(), None, "someone")
    run = await open_run(2)
    with pytest.raises(Conflict, match="is running; only a partial or failed run"):
        await control.retry(run.id, None, "someone")
    await end(database, lifecycle, run.id, None, "no")
    with pytest.raises(NotFound, match="no partition 7"):
        await control.retry(run.id, 7, "someone")
    with pytest.raises(Conflict, match=r"a partition 0 that is succeeded"):
        await control.retry(run.id, 0, "someone")
    await execute("UPDATE worker_runs SET status = 'succeeded'")
    with pytest.raises(Conflict, match="has no failed partition"):
        await control.retry(run.id, None, "someone")


async def test_unplanned_failed_run_cannot_be_retried_or_consolidated(
    control: RunControl, open_run: OpenRun, lifecycle: Lifecycle
) -> None:
    run = await open_run(None)
    await lifecycle.fail(run.id, QuarantineExceeded())
    with pytest.raises(Conflict, match="before it was planned"):
        await control.retry(run.id, None, "someone")
    with pytest.raises(Conflict, match="before it was planned"):
        await control.consolidate(run.id, "someone", force=True)


async def test_only_newest_run_of_feed_can_be_retried_or_consolidated(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle
) -> None:
    old = await open_run(2)
    await end(database, lifecycle, old.id, None, "no")
    new = await open_run(1)
    with pytest.raises(Conflict, match=f"not the newest of nivoda: {new.id}"):
        await control.retry(old.id, None, "someone")
    with pytest.raises(Conflict, match="not the newest"):
        await control.consolidate(old.id, "someone", force=True)


async def test_retry_is_rejected_while_another_run_is_open(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(2)
    await end(database, lifecycle, run.id, None, "no")
    await open_run(1)
    await execute("UPDATE run_metadata SET started_at = started_at - interval '1 day' WHERE status = 'running'")
    with pytest.raises(RunConflict):
        await control.retry(run.id, None, "someone")
    assert (await lifecycle.get(run.id)).status == "partial"
    assert [part.status for part in await parts_of(database, run.id)] == ["succeeded", "failed"]


async def test_forced_consolidation_with_gaps_is_recorded_and_keeps_watermark(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle, bus: Bus
) -> None:
    run = await open_run(2)
    await end(database, lifecycle, run.id, None, "no")
    with pytest.raises(Conflict, match="has not read 1 of 2 partitions"):
        await control.consolidate(run.id, "someone")
    forced = await control.consolidate(run.id, "someone", force=True)
    assert (forced.status, forced.forced_by) == ("consolidating", "someone")
    assert bus.counts()["consolidate"].active == 1


async def test_force_has_no_effect_on_run_without_gaps(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle
) -> None:
    run = await open_run(1)
    await end(database, lifecycle, run.id, None)
    await lifecycle.fail(run.id, QuarantineExceeded())
    asked = await control.consolidate(run.id, "someone", force=True)
    assert (asked.status, asked.forced_by, asked.error_code) == ("consolidating", None, None)


async def test_deletions_by_empty_feed_can_be_allowed(
    control: RunControl, open_run: OpenRun, lifecycle: Lifecycle
) -> None:
    run = await open_run(0)
    await lifecycle.fail(run.id, MassDeleteStopped())
    allowed = await control.consolidate(run.id, "someone", allow_mass_delete=True)
    assert (allowed.status, allowed.mass_delete_allowed_by) == ("consolidating", "someone")


async def test_mass_delete_is_allowed_by_explicit_flag(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle
) -> None:
    run = await open_run(1)
    await end(database, lifecycle, run.id, None)
    await lifecycle.fail(run.id, QuarantineExceeded())
    allowed = await control.consolidate(run.id, "someone", allow_mass_delete=True)
    assert allowed.mass_delete_allowed_by == "someone"


async def test_confirmation_of_consolidating_run_is_recorded(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle
) -> None:
    run = await open_run(1)
    await end(database, lifecycle, run.id, None)
    await lifecycle.fail(run.id, QuarantineExceeded())
    wrong = await control.consolidate(run.id, "someone", allow_mass_delete=True)
    assert (wrong.status, wrong.quarantine_allowed_by) == ("consolidating", None)
    right = await control.consolidate(run.id, "another", allow_quarantine=True)
    assert (right.mass_delete_allowed_by, right.quarantine_allowed_by) == ("someone", "another")


async def test_run_in_consolidation_keeps_its_consolidator(
    control: RunControl, open_run: OpenRun, database: Database, lifecycle: Lifecycle, bus: Bus
) -> None:
    run = await open_run(1)
    await end(database, lifecycle, run.id, None)
    token = uuid4()
    async with database.connection() as connection:
        await connection.fetchrow(sql.claim_consolidation, run.id, token, 30.0)
    await control.consolidate(run.id, "someone")
    await lifecycle.keep(run.id, token)
    assert bus.counts()["consolidate"].active == 1


async def test_consolidation_of_open_or_completed_run_is_rejected(
    control: RunControl, open_run: OpenRun, execute: Execute
) -> None:
    run = await open_run(1)
    with pytest.raises(Conflict, match="is running; its partitions must end first"):
        await control.consolidate(run.id, "someone")
    await execute("UPDATE run_metadata SET status = 'completed'")
    with pytest.raises(Conflict, match="consolidated already"):
        await control.consolidate(run.id, "someone")


async def test_cancelled_run_ends_with_its_partitions_and_frees_feed(
    control: RunControl, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    run = await open_run(2)
    cancelled = await control.cancel(run.id, "someone")
    assert (cancelled.status, cancelled.error_message) == ("cancelled", "Cancelled by someone")
    assert {part.status for part in await parts_of(database, run.id)} == {"cancelled"}
    assert await execute("SELECT count(*) FROM alerts") == 0  # an intended end
    with pytest.raises(Conflict, match="ended already: it is cancelled"):
        await control.cancel(run.id, "someone")
    with pytest.raises(NotFound):
        await control.cancel(uuid4(), "someone")
    await open_run(1)
