"""Commands that run a role: one process, one role."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from inventory.core import revision
from inventory.core.command_line import AsJson, run_command, start_command
from inventory.core.counts import count_text
from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger
from inventory.core.telemetry.metrics_server import enable_metrics
from inventory.core.telemetry.spans import enable_traces
from inventory.runs import repository
from inventory.runs.models import Run
from sync.alerts import incidents
from sync.cli.feeds import FeedName, start_feed_command
from sync.container import Container, open_pipeline
from sync.process import run_role, wait_for_schema
from sync.scheduler.planning import Progress, RunRequest
from sync.telemetry.serving import pipeline_metrics

log = get_logger()

app = typer.Typer(
    help="The sync: its roles (one process, one role), runs, watermark and dead letters.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ROLES = frozenset({"schedule", "worker", "consolidator", "jobs"})
OPEN_RUN_EXIT = 3


@contextmanager
def counting() -> Iterator[Progress]:
    """Show the number of counts during planning. Prints nothing if stderr is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - the other roles print nothing

    with Console(stderr=True).status("Counting the feed") as status:
        yield lambda counts: status.update(f"Counting the feed: {count_text(counts, 'count')}")


@app.command()
def schedule(
    full: Annotated[bool, typer.Option("--full", help="Read the whole feed, not only the changes.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan without starting a run.")] = False,
    no_watermark: Annotated[
        bool, typer.Option("--no-watermark", help="Do not move the watermark (for a backfill).")
    ] = False,
    nightly: Annotated[
        bool,
        typer.Option("--nightly", help="Start it as the nightly run, which is retried if it cannot be planned."),
    ] = False,
    feed: FeedName = None,
    as_json: AsJson = False,
) -> None:
    """Start a run: decide its window, plan its partitions, and send their work items to the workers.

    Exit code 0: started; while the broker does not answer, the run waits and continues by itself. 1: failed, with the
    reason. 2: a setting is wrong. 3: another run is open.
    """
    from sync.cli import output  # noqa: PLC0415 - see `counting`

    settings = start_feed_command("scheduler", feed)
    enable_traces(settings.telemetry, "scheduler")
    request = RunRequest(
        full=full,
        moves_watermark=not no_watermark,
        started_by=incidents.NIGHTLY if nightly else "command line",
    )

    async def command() -> None:
        async with open_pipeline(settings) as pipeline:
            await revision.require(pipeline.database)
            scheduler = pipeline.of_feed(settings.sync.feed).scheduler()
            if not dry_run:
                await _reconcile(pipeline)
            with counting() as progress:
                if dry_run:
                    output.plan(*await scheduler.rehearse(request, progress), as_json=as_json)
                else:
                    run, made = await scheduler.schedule(request, progress)
                    output.started(run, made, await _unsent(pipeline, run), as_json=as_json)

    run_command(command())


async def _unsent(pipeline: Container, run: Run) -> int:
    """Count the open partitions of a run whose work items were not sent."""
    async with pipeline.database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    return sum(part.status == "pending" and part.sent_at is None for part in partitions)


async def _reconcile(pipeline: Container) -> None:
    """Reconcile at the start of a role. A failure does not stop the role."""
    try:
        await pipeline.reconciler().reconcile()
    except InventoryError as error:
        log.warning("reconciliation_failed", error=error.message)


def _run_role(
    role: str, main_loop: Callable[[Container, asyncio.Event], Awaitable[None]], *, measures_runs: bool = False
) -> None:
    settings = start_command(role)
    enable_metrics(settings.telemetry)
    enable_traces(settings.telemetry, role)

    async def command() -> None:
        async with open_pipeline(settings) as pipeline:

            async def role(stop: asyncio.Event) -> None:
                await wait_for_schema(pipeline.database, stop)
                reconciling = asyncio.create_task(_reconcile(pipeline))
                try:
                    await main_loop(pipeline, stop)
                finally:
                    reconciling.cancel()
                    await asyncio.wait({reconciling})

            async with pipeline_metrics(pipeline, runs=measures_runs):
                await run_role(role, settings.sync.drain_seconds)

    run_command(command())


@app.command()
def worker() -> None:
    """Read partitions until SIGTERM."""
    _run_role("worker", Container.work)


@app.command()
def consolidator() -> None:
    """Consolidate runs into the inventory until SIGTERM."""
    _run_role("consolidator", Container.consolidate)


@app.command()
def jobs(
    once: Annotated[bool, typer.Option("--once", help="Run everything that is due, then exit.")] = False,
) -> None:
    """Run the periodic jobs and the jobs of the API until SIGTERM.

    Exit code with --once: 0 if all jobs succeeded, 1 if a job failed; the log has the reason.
    """
    # Imported where it is used: arq and Resend cost every start of the other commands a quarter of a second.
    from sync.jobs import worker as job_worker  # noqa: PLC0415

    if not once:
        _run_role("jobs", job_worker.serve, measures_runs=True)
        return
    done: list[bool] = []

    async def one_round(pipeline: Container, stop: asyncio.Event) -> None:
        done.append(await job_worker.once(pipeline, stop))

    _run_role("jobs", one_round)
    if not all(done):
        raise typer.Exit(1)
