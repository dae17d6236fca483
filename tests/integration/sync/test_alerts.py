"""Alerts: stored once in the transaction that makes them true, delivered once, and never in the way of a run."""

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
async def test_invariant_18_a_run_that_fails_is_one_incident_of_its_kind(
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


async def test_a_run_that_is_retried_is_told_of_once_for_each_reason(
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


async def test_a_run_past_its_deadline_is_an_incident(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    run = await open_run(1)
    await execute("UPDATE run_metadata SET deadline_at = now() - interval '1 second'")
    await lifecycle.end_overdue(run.id)
    assert await kinds(database) == ["deadline_passed"]


async def test_a_run_whose_end_is_not_committed_is_no_incident(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    run = await open_run(1)
    # The partitions can't be closed, so the run does not end.
    await execute("ALTER TABLE worker_runs ADD CONSTRAINT open_for_ever CHECK (completed_at IS NULL)")
    with pytest.raises(Exception, match="open_for_ever"):
        await lifecycle.fail(run.id, SupplierTimeout())
    assert await kinds(database) == []


async def test_a_mail_names_the_run_the_reason_the_figures_and_the_next_step(
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


async def test_invariant_18_an_alert_is_sent_once_by_many_at_once(
    lifecycle: Lifecycle, open_run: OpenRun, delivery: AlertDelivery, service: MailService
) -> None:
    run = await open_run(1)
    await lifecycle.fail(run.id, SupplierTimeout())
    assert sum(await asyncio.gather(*(delivery.deliver() for _ in range(5)))) == 1
    assert len(service.requests) == 1
    assert await delivery.deliver() == 0


async def test_an_alert_that_another_process_is_taking_is_left_to_it(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, delivery: AlertDelivery, service: MailService
) -> None:
    await lifecycle.fail((await open_run(1)).id, SupplierTimeout())
    async with database.transaction() as connection, asyncio.timeout(10):
        assert await connection.fetchrow(sql.claim_alert) is not None
        assert await delivery.deliver() == 0
    assert service.requests == []


async def test_invariant_18_an_outage_of_the_mail_service_delays_the_mail_and_changes_nothing_else(
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


async def test_a_process_that_dies_while_it_sends_leaves_the_mail_to_another_which_sends_it_under_the_same_key(
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


async def test_a_refused_mail_does_not_hold_up_the_others(
    lifecycle: Lifecycle, open_run: OpenRun, delivery: AlertDelivery, service: MailService
) -> None:
    service.answers = [refusal(422, "validation_error", "no")]
    for _ in range(2):
        await lifecycle.fail((await open_run(1)).id, SupplierTimeout())
    assert await delivery.deliver() == 1


async def test_without_a_mail_service_alerts_are_kept(
    lifecycle: Lifecycle, open_run: OpenRun, database: Database, delivery: AlertDelivery
) -> None:
    await lifecycle.fail((await open_run(1)).id, SupplierTimeout())
    assert await AlertDelivery(AlertSettings(), database, None).deliver() == 0
    assert await delivery.deliver() == 1
