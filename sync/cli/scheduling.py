"""The command that starts a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from inventory.core import revision
from inventory.core.command_line import run_command
from inventory.core.command_options import AsJson
from inventory.core.counts import count_text
from inventory.core.telemetry.spans import enable_traces
from inventory.runs import repository
from inventory.runs.models import Run
from sync.alerts import incidents
from sync.cli import output
from sync.cli.feeds import FeedName, start_feed_command
from sync.cli.roles import reconcile_once
from sync.container import Container, open_pipeline
from sync.scheduler.planning import Progress, RunRequest


@contextmanager
def counting() -> Iterator[Progress]:
    """Show the number of counts during planning. Prints nothing if stderr is no terminal."""
    with Console(stderr=True).status("Counting the feed") as status:
        yield lambda counts: status.update(f"Counting the feed: {count_text(counts, 'count')}")


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
                await reconcile_once(pipeline)
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
