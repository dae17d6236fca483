"""The arq jobs: those that the API enqueues by name, and the periodic duties."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from arq import Retry, cron
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Function, func

from inventory.core.clock import utc_now
from inventory.core.errors import Conflict, InventoryError
from inventory.core.jobs import QUEUE, JobProgress, JobsUnavailable, store_progress
from inventory.core.logging import get_logger
from inventory.runs import repository
from inventory.trading.settlement import Settlement
from sync.alerts.delivery import AlertDelivery
from sync.alerts.resend import open_mailer
from sync.alerts.webhook import WebhookDelivery, open_webhook
from sync.container import Container
from sync.doctor.pipeline import examine_pipeline
from sync.jobs import dead_letters, effects
from sync.jobs.arq_worker import JobWorker
from sync.jobs.effects import Effect
from sync.jobs.maintenance import Maintenance
from sync.messaging.messages import WorkDone, decode
from sync.operations.repricing import Repricing
from sync.scheduler.planning import RunRequest

log = get_logger()

_JOB_SECONDS = 900
_JOB_TRIES = 20
_RETRY_SECONDS = 60
_LIST_SECONDS = 60
POLL_SECONDS = 0.5

Context = Mapping[str, Any]
Duty = Callable[[], Awaitable[object]]


class JobServices:
    """The services that jobs use."""

    def __init__(self, pipeline: Container, delivery: AlertDelivery, posting: WebhookDelivery) -> None:
        self.pipeline = pipeline
        self.delivery = delivery
        self.posting = posting
        self.by_feed = {
            name: Maintenance(one.settings, one.database, one.scheduler(), one.dead_letters, utc_now)
            for name, one in pipeline.feeds.items()
        }
        self.maintenance = self.by_feed[pipeline.settings.sync.feed]
        self.repricing = [Repricing(one.settings.sync, one.database, utc_now) for one in pipeline.feeds.values()]
        self.settlement = Settlement(pipeline.settings, pipeline.database, pipeline.trading)

    @classmethod
    @asynccontextmanager
    async def open(cls, pipeline: Container) -> AsyncIterator["JobServices"]:
        """The jobs for the length of a `with`."""
        alerts, database = pipeline.settings.alerts, pipeline.database
        async with open_mailer(alerts) as mailer, open_webhook(alerts) as webhook:
            yield cls(pipeline, AlertDelivery(alerts, database, mailer), WebhookDelivery(alerts, database, webhook))

    @property
    def duties(self) -> dict[str, Duty]:
        """The periodic duties by name, in the order of a single round."""
        return {
            "reconcile": self.pipeline.reconciler().reconcile,
            "settle_holds": self.settlement.holds,
            "refresh_holds": self.settlement.refresh,
            "settle_purchases": self.settlement.purchases,
            "examine_purchases": self.settlement.evidence,
            "release_declined": self.settlement.declined,
            "remind_of_orders": self.settlement.reminders,
            # A duty for each feed: the failure of one does not stop the others.
            **{f"start_nightly:{name}": one.start_nightly for name, one in self.by_feed.items()},
            **{f"watch_nightly:{name}": one.watch_nightly for name, one in self.by_feed.items()},
            **{f"watch_silence:{name}": one.watch_silence for name, one in self.by_feed.items()},
            "watch_dead_letters": self.maintenance.watch_dead_letters,
            "number_events": self.maintenance.number_events,
            "prune": self.maintenance.prune,
            "deliver_alerts": self.delivery.deliver,
            "post_alerts": self.posting.deliver,
        }

    async def report(self, body: bytes, _last: bool) -> None:
        """Handle a worker's report that a partition has ended. After the last partition make sure that the run continues."""
        done = decode(body, WorkDone)
        async with self.pipeline.database.connection() as connection:
            outline = await repository.outline(connection, done.run_id)
        log.info(
            "partition_reported",
            run_id=str(done.run_id),
            partition_id=str(done.partition_id),
            trace_id=done.trace_id,
            status=done.status,
            fetched=done.fetched,
            run_ended=outline.total - outline.open,
            run_total=outline.total,
            run_fetched=outline.fetched,
            run_planned=outline.planned_stones,
        )
        if outline.total and not outline.open:
            await self.pipeline.reconciler().finish(done.run_id)


async def attempt(name: str, duty: Duty) -> bool:
    """Do a duty. Log a failure and return False; the next round tries again."""
    try:
        await duty()
    except InventoryError as error:
        log.warning("periodic_job_failed", duty=name, code=error.code, error=error.message)
        return False
    except Exception:
        log.exception("periodic_job_failed", duty=name)
        return False
    return True


# Called by name, from the API and from arq. Ids are text. A refusal is the job's result.


async def schedule_run(
    ctx: Context, *, full: bool = False, moves_watermark: bool = True, started_by: str, feed: str | None = None
) -> str:
    """Start a run of a feed, None for the first one; return its id."""
    request = RunRequest(full=full, moves_watermark=moves_watermark, started_by=started_by, job_id=_identity(ctx))
    run, _ = await _jobs(ctx).pipeline.of_feed(feed).scheduler().schedule(request)
    return str(run.id)


async def retry_run(ctx: Context, *, run_id: str, partition_id: str | None = None, who: str) -> int:
    """Read a run's failed partitions again; return how many."""
    partition = UUID(partition_id) if partition_id else None
    control = _jobs(ctx).pipeline.control()
    _, partitions = await control.retry(UUID(run_id), partition, who, job_id=_identity(ctx))
    return len(partitions)


async def consolidate_run(
    ctx: Context,
    *,
    run_id: str,
    force: bool = False,
    allow_mass_delete: bool = False,
    allow_quarantine: bool = False,
    who: str,
) -> str:
    """Request a run's consolidation again; return the run's status."""
    control = _jobs(ctx).pipeline.control()
    run = await control.consolidate(
        UUID(run_id),
        who,
        force=force,
        allow_mass_delete=allow_mass_delete,
        allow_quarantine=allow_quarantine,
        job_id=_identity(ctx),
    )
    return run.status


async def cancel_run(ctx: Context, *, run_id: str, who: str) -> str:
    """End an open run; return its status."""
    return (await _jobs(ctx).pipeline.control().cancel(UUID(run_id), who, job_id=_identity(ctx))).status


async def reprice(ctx: Context) -> int:
    """Give every stone the price of the present rules; return how many prices have changed."""

    async def report(done: int, total: int) -> None:
        # The work continues without Redis; only the progress is not shown.
        with suppress(JobsUnavailable):
            await store_progress(ctx["redis"], ctx["job_id"], JobProgress(done, total))

    # The effect is recorded by the last feed; a repetition prices the others again, which changes nothing.
    feeds = _jobs(ctx).repricing
    changed = 0
    for repricing in feeds[:-1]:
        changed += await repricing.reprice(report)
    return changed + await feeds[-1].reprice(report, job_id=_identity(ctx))


async def list_dead_letters(ctx: Context, *, limit: int) -> object:
    """List the dead letters of all queues."""
    return await dead_letters.list_all(_jobs(ctx).pipeline, limit)


async def examine(ctx: Context) -> object:
    """Run the checks of `doctor`; return its reports as plain values."""
    return msgspec.to_builtins(await examine_pipeline(_jobs(ctx).pipeline.settings))


async def replay_dead_letters(ctx: Context, *, queue: str, numbers: list[int], who: str) -> int:
    """Replay dead letters of a queue; return how many."""
    return await dead_letters.replay(_jobs(ctx).pipeline, queue, numbers, who)


async def discard_dead_letters(ctx: Context, *, queue: str, numbers: list[int], who: str) -> int:
    """Discard dead letters of a queue; return how many."""
    return await dead_letters.discard(_jobs(ctx).pipeline, queue, numbers, who)


def _jobs(ctx: Context) -> JobServices:
    jobs: JobServices = ctx["jobs"]
    return jobs


async def _once(job: Callable[..., Awaitable[object]], ctx: Context, arguments: Mapping[str, Any]) -> object:
    """Do a job, or answer what it answered before: the queue delivers a job at least once."""
    effect = await _effect(ctx)
    if effect is None:
        try:
            return await job(ctx, **arguments)
        except (Conflict, asyncpg.UniqueViolationError):
            # Another process may have done the same job at the same time; then its change is the conflict.
            effect = await _effect(ctx)
            if effect is None:
                raise
    log.warning("job_repeated", job=job.__name__, job_id=ctx["job_id"])
    return effect.answer


async def _effect(ctx: Context) -> Effect | None:
    async with _jobs(ctx).pipeline.database.connection() as connection:
        return await effects.find(connection, _identity(ctx))


def _identity(ctx: Context) -> str:
    """The job's id with the time at which it was enqueued: a request with the same key is another job an hour later."""
    return f"{ctx['job_id']}@{ctx['enqueue_time'].timestamp():.3f}"


def _named(
    job: Callable[..., Awaitable[object]], *, repeatable: bool = False, keep_seconds: int | None = None
) -> Function:
    """Return an arq function under the job's name. A `repeatable` job is tried again if its error is retryable.

    The others are not tried again after an error: the run already holds the reason, and an alert was sent. They may only be
    delivered again (hence the number of tries) after their process was stopped. `keep_seconds`: retention of the result.
    """

    async def run(ctx: Context, **arguments: Any) -> object:
        try:
            return await _once(job, ctx, arguments)
        except InventoryError as error:
            final = not (repeatable and error.retryable) or ctx["job_try"] >= _JOB_TRIES
            log.warning("job_failed", job=job.__name__, code=error.code, error=error.message, final=final)
            if final:
                raise
            raise Retry(defer=_RETRY_SECONDS) from error

    return func(run, name=job.__name__, timeout=_JOB_SECONDS, max_tries=_JOB_TRIES, keep_result=keep_seconds)


_BY_NAME = [
    *(_named(job) for job in (schedule_run, retry_run, consolidate_run, cancel_run)),
    _named(reprice, repeatable=True),
    *(_named(job) for job in (replay_dead_letters, discard_dead_letters)),
    # Requested again and again.
    *(_named(job, keep_seconds=_LIST_SECONDS) for job in (list_dead_letters, examine)),
]

# The minutes of the hour at which a duty runs; the other duties run every minute.
_EVERY_FIVE = set(range(0, 60, 5))
_MINUTES: dict[str, set[int]] = {
    **dict.fromkeys(("watch_nightly", "watch_silence", "watch_dead_letters", "remind_of_orders"), _EVERY_FIVE),
    "refresh_holds": set(range(4, 60, 10)),
    "prune": {37},
}


def arq_worker(jobs: JobServices, redis: ArqRedis, *, with_duties: bool) -> JobWorker:
    """Return an arq worker for the jobs by name, with or without the periodic duties.

    arq's own signal handlers stay off: they would cancel jobs at once, and replace the handlers of the role.
    """

    def regularly(name: str) -> WorkerCoroutine:
        async def run(ctx: dict[Any, Any], *_: Any, **__: Any) -> None:
            await attempt(name, _jobs(ctx).duties[name])

        return run

    duties = [
        cron(regularly(name), name=name, minute=_MINUTES.get(name.partition(":")[0]), timeout=_JOB_SECONDS)
        for name in (jobs.duties if with_duties else ())
    ]
    return JobWorker(
        functions=_BY_NAME,
        cron_jobs=duties,
        redis_pool=redis,
        queue_name=QUEUE,
        ctx={"jobs": jobs},
        handle_signals=False,
        poll_delay=POLL_SECONDS,
        job_timeout=_JOB_SECONDS,
        timezone=UTC,
        job_serializer=redis.job_serializer,
        job_deserializer=redis.job_deserializer,
        log_results=False,
    )
