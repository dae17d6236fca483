"""Roles that run until SIGTERM: worker, consolidator, jobs. One process, one role."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from inventory.core.command_line import FAILURE_EXIT, exit_on_error, run_command, start_command
from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger
from inventory.core.process_command import run_process_command
from inventory.core.telemetry.metrics_server import enable_metrics
from inventory.core.telemetry.spans import enable_traces
from sync.container import Container, open_pipeline
from sync.process import run_role, wait_for_schema
from sync.telemetry.serving import pipeline_metrics

log = get_logger()


async def reconcile_once(pipeline: Container) -> None:
    """Reconcile at the start of a role or a run. A failure does not stop it."""
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
                reconciling = asyncio.create_task(reconcile_once(pipeline))
                try:
                    await main_loop(pipeline, stop)
                finally:
                    reconciling.cancel()
                    await asyncio.wait({reconciling})

            async with pipeline_metrics(pipeline, runs=measures_runs):
                await run_role(role, settings.sync.drain_seconds)

    run_command(command())


def worker() -> None:
    """Read partitions until SIGTERM."""
    _run_role("worker", Container.work)


def consolidator() -> None:
    """Consolidate runs into the inventory until SIGTERM."""
    _run_role("consolidator", Container.consolidate)


def jobs(
    once: Annotated[bool, "Run everything that is due, then exit."] = False,
) -> None:
    """Run the periodic jobs and the jobs of the API until SIGTERM.

    Exit code with --once: 0 if all jobs succeeded, 1 if a job failed; the log has the reason.
    """
    # Imported where it is used: arq and Resend would slow down the start of the other roles.
    from sync.jobs import worker as job_worker  # noqa: PLC0415

    if not once:
        _run_role("jobs", job_worker.serve, measures_runs=True)
        return
    done: list[bool] = []

    async def one_round(pipeline: Container, stop: asyncio.Event) -> None:
        done.append(await job_worker.once(pipeline, stop))

    _run_role("jobs", one_round)
    if not all(done):
        sys.exit(FAILURE_EXIT)


ROLES: Final[Mapping[str, Callable[..., None]]] = {"worker": worker, "consolidator": consolidator, "jobs": jobs}


def main() -> None:
    """Run the role that the command line names. Exit code 2: a wrong setting; 1: other errors."""
    with exit_on_error():
        run_process_command(ROLES[sys.argv[1]], "diamonds-sync", sys.argv[2:])
