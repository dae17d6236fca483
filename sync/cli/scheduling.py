"""The command that starts a run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from inventory.core import revision
from inventory.core.command_line import exit_on_error, exit_with, run_command, start_command
from inventory.core.counts import count_text
from inventory.core.errors import RunConflict
from inventory.core.process_command import run_process_command
from inventory.core.telemetry.spans import enable_traces
from inventory.runs import repository
from inventory.runs.models import Run
from sync.alerts import incidents
from sync.cli import output
from sync.cli.roles import reconcile_once
from sync.container import Container, open_pipeline
from sync.scheduler.planning import Progress, RunRequest

_OPEN_RUN_EXIT = 3


@contextmanager
def counting() -> Iterator[Progress]:
    """Show the number of counts during planning if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _counts: None
        return
    from rich.console import Console  # noqa: PLC0415 - a scheduler without a terminal starts without it

    with Console(stderr=True).status("Counting the feed") as status:
        yield lambda counts: status.update(f"Counting the feed: {count_text(counts, 'count')}")


def schedule(
    full: Annotated[bool, "Read the whole feed, not only the changes."] = False,
    dry_run: Annotated[bool, "Show the plan without starting a run."] = False,
    no_watermark: Annotated[bool, "Do not move the watermark (for a backfill)."] = False,
    nightly: Annotated[bool, "Start it as the nightly run, which is retried if it cannot be planned."] = False,
    feed: Annotated[str | None, "The feed; the first one of FEEDS by default."] = None,
    json: Annotated[bool, "Print one JSON document instead of text."] = False,
) -> None:
    """Start a run: decide its window, plan its partitions, and send their work items to the workers.

    Exit code 0: started; while the broker does not answer, the run waits and continues by itself. 1: failed, with the
    reason. 2: a setting is wrong. 3: another run is open.
    """
    settings = start_command("scheduler")
    settings = settings.of_feed(feed or settings.sync.feed)
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
                await reconcile_once(pipeline)
            with counting() as progress:
                if dry_run:
                    output.plan(*await scheduler.rehearse(request, progress), as_json=json)
                else:
                    run, made = await scheduler.schedule(request, progress)
                    output.started(run, made, await _unsent(pipeline, run), as_json=json)

    run_command(command())


async def _unsent(pipeline: Container, run: Run) -> int:
    """Count the open partitions of a run whose work items were not sent."""
    async with pipeline.database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    return sum(part.status == "pending" and part.sent_at is None for part in partitions)


@contextmanager
def exit_on_open_run() -> Iterator[None]:
    """Exit with code 3 if another run is open."""
    try:
        yield
    except RunConflict as error:
        exit_with(f"{error.message}. See `diamonds-sync runs list`.", _OPEN_RUN_EXIT)


def main() -> None:
    """Run the command. Exit code 2: a wrong setting; 3: another run is open; 1: other errors."""
    with exit_on_error(), exit_on_open_run():
        run_process_command(schedule, "diamonds-sync", sys.argv[2:])
