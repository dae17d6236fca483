"""The command line of the pipeline: one process, one role."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from inventory.core import revision
from inventory.core.errors import DatabaseMisconfigured, InventoryError, RunConflict
from inventory.core.logging import get_logger
from inventory.core.settings import SettingsError
from sync.cli import dead_letters, output, rebuild, runs, watermark
from sync.cli.common import AsJson, begin, run
from sync.container import Container, open_pipeline
from sync.process import live, schema_ready
from sync.scheduler.scheduler import Progress, RunRequest

log = get_logger()

app = typer.Typer(
    help="The sync: its roles (one process, one role), its runs, and what goes with them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(runs.app, name="runs")
app.add_typer(watermark.app, name="watermark")
app.add_typer(dead_letters.app, name="dead-letters")
app.command()(runs.retry)
app.command()(runs.consolidate)
app.command()(runs.reconcile)
app.command()(rebuild.rebuild)

OPEN_RUN_EXIT = 3


def main() -> None:
    """Run a command. A wrong setting: a line that names it, exit 2. A refusal or a failure: its reason, exit 1 or 3."""
    try:
        app()
    except SettingsError as error:
        _leave(str(error), 2)
    except RunConflict as error:
        _leave(f"{error.message}. See `python -m sync runs list`.", OPEN_RUN_EXIT)
    except DatabaseMisconfigured as error:
        _leave(error.reason, 2)
    except InventoryError as error:
        _leave(f"{error.code}: {error.message}", 1)


def _leave(message: str, code: int) -> None:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


@contextmanager
def counting() -> Iterator[Progress]:
    """Shows how many counts a plan has asked for; quiet where stderr is no terminal."""
    with Console(stderr=True).status("Counting the feed") as status:
        yield lambda asked: status.update(f"Counting the feed: {asked} counts")


@app.command()
def schedule(
    full: Annotated[bool, typer.Option("--full", help="Read the whole feed, not only what has changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; start nothing.")] = False,
    no_watermark: Annotated[
        bool, typer.Option("--no-watermark", help="Leave the watermark where it is (a backfill).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a run: decide its window, cut it into partitions, send them to the workers.

    Exit code 0: started. 1: failed, with the reason. 2: a setting is wrong. 3: another run is open.
    """
    settings = begin("scheduler")
    request = RunRequest(full=full, moves_watermark=not no_watermark)

    async def command() -> None:
        async with open_pipeline(settings) as pipeline:
            await revision.require(pipeline.database)
            scheduler = pipeline.scheduler()
            if not dry_run:
                await _reconcile(pipeline)
            with counting() as progress:
                if dry_run:
                    output.plan(*await scheduler.rehearse(request, progress), as_json=as_json)
                else:
                    output.started(*await scheduler.schedule(request, progress), as_json=as_json)

    run(command())


async def _reconcile(pipeline: Container) -> None:
    """What every role does when it starts. Whether that works does not decide whether the role can."""
    try:
        await pipeline.reconciler().reconcile()
    except InventoryError as error:
        log.warning("not reconciled", error=error.message)


def _be(role: str, life: Callable[[Container, asyncio.Event], Awaitable[None]]) -> None:
    settings = begin(role)

    async def command() -> None:
        async with open_pipeline(settings) as pipeline:

            async def role(stop: asyncio.Event) -> None:
                await schema_ready(pipeline.database, stop)
                reconciling = asyncio.create_task(_reconcile(pipeline))
                try:
                    await life(pipeline, stop)
                finally:
                    reconciling.cancel()
                    await asyncio.wait({reconciling})

            await live(role, settings.sync_drain_seconds)

    run(command())


@app.command()
def worker() -> None:
    """Read partitions until SIGTERM."""
    _be("worker", Container.work)


@app.command()
def consolidator() -> None:
    """Bring runs into the inventory until SIGTERM."""
    _be("consolidator", Container.consolidate)


@app.command()
def jobs(
    once: Annotated[bool, typer.Option("--once", help="Do everything that is due, then leave.")] = False,
) -> None:
    """Do what is due regularly, and what the API asks for, until SIGTERM.

    Exit code with --once: 0 when all of it was done, 1 when something failed; the log says what.
    """
    # Imported where it is used: arq and Resend cost every start of the other commands a quarter of a second.
    from sync.jobs import worker as job_worker  # noqa: PLC0415

    if not once:
        _be("jobs", job_worker.serve)
        return
    done: list[bool] = []

    async def one_round(pipeline: Container, stop: asyncio.Event) -> None:
        done.append(await job_worker.once(pipeline, stop))

    _be("jobs", one_round)
    if not all(done):
        raise typer.Exit(1)
