"""Alerts: stored once in the transaction of their cause, delivered once, and without effect on runs."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from inventory.core.database import Database
from inventory.core.errors import MassDeleteStopped, QuarantineExceeded, SupplierTimeout
from inventory.core.settings import Settings
from inventory.core.settings.alerts import AlertSettings
from inventory.runs import repository
from sync.alerts.delivery import AlertDelivery
from sync.alerts.resend import open_mailer
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql
from tests.contract.resend import MailService, mail_service, refusal
from tests.integration.sync.conftest import Execute, OpenRun


@pytest_asyncio.fixture
async def service() -> AsyncIterator[MailService]:
    async with mail_service() as running:
        yield running


@pytest_asyncio.fixture
async def delivery(database: Database, service: MailService) -> AsyncIterator[AlertDelivery]:
    settings = Settings.read(
        resend_api_key="re_secret",
        resend_api_url=service.url,
        alert_from="sync@example.com",
        alert_to="ops@example.com",
    )
    async with open_mailer(settings.alerts) as mailer:
        yield AlertDelivery(settings.alerts, database, mailer)


async def end(database: Database, lifecycle: Lifecycle, run_id: UUID, *errors: str | None) -> None:
    async with database.connection() as connection:
        partitions = await repository.partitions(connection, run_id)
    for partition, error in zip(partitions, errors, strict=True):
        token = uuid4()
        async with database.connection() as connection:
            await connection.fetchrow(sql.claim_partition, partition.id, token, 30.0, "a worker")
        await lifecycle.end_partition(partition, token, error=error)


async def kinds(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["kind"] for row in await connection.fetch("SELECT kind FROM alerts ORDER BY created_at")]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SupplierTimeout(), "run_failed"),
        (QuarantineExceeded(), "quarantine_exceeded"),
        (MassDeleteStopped(), "mass_delete_stopped"),
    ],
)
async def test_invariant_18_failed_run_is_one_incident(
    lifecycle: Lifecycle,
    open_run: OpenRun,
    database: Database,
    error: SupplierTimeout | QuarantineExceeded | MassDeleteStopped,
    kind: str,
) -> None:
    run = await open_run(2)
    assert await lifecycle.fail(run.id, error)
    assert not await lifecycle.fail(run.id, error)
    assert await kinds(database) == [kind]


async def test_retried_run_alerts_once_per_reason(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    run = await open_run(2)
    await end(database, lifecycle, run.id, None, "SUPPLIER_ERROR: The supplier answered with HTTP 502")
    told = []
    failed = [await execute("SELECT id FROM worker_runs WHERE status = 'failed'")]
    for reason in (
        "SUPPLIER_TIMEOUT: The supplier did not answer in time",  # the same outage
        "FEED_RESTLESS: too fast",
        "FEED_RESTLESS: still too fast",
        "SUPPLIER_ERROR: The supplier refused the credentials",
        "ValueError('a mistake')",
    ):
        await execute(sql.reopen_partitions, run.id, failed)
        await execute(sql.reopen_run, run.id, 3600.0)
        await execute("UPDATE worker_runs SET status = 'failed', error_message = $1 WHERE status = 'pending'", reason)
        assert await lifecycle.settle(run.id)
        told.append(len(await kinds(database)))
    assert told == [1, 2, 2, 3, 4]
    assert set(await kinds(database)) == {"consolidation_skipped"}


async def test_run_past_deadline_is_incident(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    run = await open_run(1)
    await execute("UPDATE run_metadata SET deadline_at = now() - interval '1 second'")
    await lifecycle.end_overdue(run.id)
    assert await kinds(database) == ["deadline_passed"]


async def test_uncommitted_end_of_run_is_no_incident(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    run = await open_run(1)
    # The partitions cannot be closed, so the run does not end.
    await execute("ALTER TABLE worker_runs ADD CONSTRAINT open_for_ever CHECK (completed_at IS NULL)")
    with pytest.raises(Exception, match="open_for_ever"):
        await lifecycle.fail(run.id, SupplierTimeout())
    assert await kinds(database) == []


async def test_mail_contains_run_reason_figures_and_next_step(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, delivery: AlertDelivery, service: MailService
) -> None:
    run = await open_run(3)
    await end(database, lifecycle, run.id, None, "SUPPLIER_TIMEOUT: The supplier did not answer in time", None)
    assert await delivery.deliver() == 1
    (mail,) = service.sent.values()
    assert mail["subject"] == "1 of 3 partitions failed: nothing was consolidated (nivoda)"
    for body in (str(mail["text"]), str(mail["html"])):
        for fact in (
            str(run.id),
            "The supplier did not answer in time",
            "2 of 3 succeeded",
            f"diamonds-sync retry {run.id}",
        ):
            assert fact in body


async def test_invariant_18_concurrent_deliveries_send_alert_once(
    lifecycle: Lifecycle, open_run: OpenRun, delivery: AlertDelivery, service: MailService
) -> None:
    run = await open_run(1)
    await lifecycle.fail(run.id, SupplierTimeout())
    assert sum(await asyncio.gather(*(delivery.deliver() for _ in range(5)))) == 1
    assert len(service.requests) == 1
    assert await delivery.deliver() == 0


async def test_alert_claimed_by_another_process_is_skipped(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, delivery: AlertDelivery, service: MailService
) -> None:
    await lifecycle.fail((await open_run(1)).id, SupplierTimeout())
    async with database.transaction() as connection, asyncio.timeout(10):
        assert await connection.fetchrow(sql.claim_alert) is not None
        assert await delivery.deliver() == 0
    assert service.requests == []


async def test_invariant_18_mail_outage_only_delays_mail(
    lifecycle: Lifecycle, open_run: OpenRun, delivery: AlertDelivery, service: MailService, execute: Execute
) -> None:
    service.answers = [refusal(500, "application_error", "down"), refusal(429, "rate_limit_exceeded", "slowly")]
    run = await open_run(1)
    await lifecycle.fail(run.id, SupplierTimeout())
    waits = []
    for _ in range(2):
        assert await delivery.deliver() == 0
        assert await delivery.deliver() == 0  # not before its time
        waits.append(await execute("SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::int FROM alerts"))
        await execute("UPDATE alerts SET next_attempt_at = clock_timestamp()")
    assert waits == [60, 120]
    assert "slowly" in str(await execute("SELECT last_error FROM alerts"))
    assert await delivery.deliver() == 1
    assert len({headers["Idempotency-Key"] for headers, _ in service.requests}) == 1
    assert await execute("SELECT provider_id FROM alerts WHERE sent_at IS NOT NULL AND last_error IS NULL") == "mail-1"
    assert (await lifecycle.get(run.id)).error_code == "SUPPLIER_TIMEOUT"


async def test_mail_of_dead_process_is_sent_by_another_with_same_key(
    lifecycle: Lifecycle, open_run: OpenRun, delivery: AlertDelivery, service: MailService, execute: Execute
) -> None:
    run = await open_run(1)
    await lifecycle.fail(run.id, SupplierTimeout())
    service.silent = True
    dying = asyncio.create_task(delivery.deliver())
    await service.asked.wait()
    dying.cancel()
    await asyncio.wait({dying})
    service.silent = False
    await execute("UPDATE alerts SET next_attempt_at = clock_timestamp()")
    assert await delivery.deliver() == 1
    assert len({headers["Idempotency-Key"] for headers, _ in service.requests}) == 1


async def test_rejected_mail_does_not_block_others(
    lifecycle: Lifecycle, open_run: OpenRun, delivery: AlertDelivery, service: MailService
) -> None:
    service.answers = [refusal(422, "validation_error", "no")]
    for _ in range(2):
        await lifecycle.fail((await open_run(1)).id, SupplierTimeout())
    assert await delivery.deliver() == 1


async def test_alerts_are_kept_without_mail_service(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, delivery: AlertDelivery
) -> None:
    await lifecycle.fail((await open_run(1)).id, SupplierTimeout())
    assert await AlertDelivery(AlertSettings(), database, None).deliver() == 0
    assert await delivery.deliver() == 1
