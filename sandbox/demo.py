"""`make demo`: one complete sync on real servers, then the API, the shop and the dashboard."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec
from rich.console import Console

from inventory.runs.models import Run
from sandbox.document import Document
from sandbox.figures import Figures, figures_of
from sandbox.installation import Installation, InstallationOptions, install, watched
from sandbox.instructions import create_keys, environment_file, print_instructions
from sandbox.progress import Display, display


async def run_demo(
    options: InstallationOptions, given: Mapping[str, str], document: Document | None, ready: asyncio.Event
) -> None:
    """Run one sync, print its figures, then serve the inventory if the options have a port.

    Raises:
        SyncFailed: the sync did not succeed.
        ProcessFailed: a process or a server ended unexpectedly.
    """
    async with AsyncExitStack() as exit_stack:
        with display() as shown:
            installation = await exit_stack.enter_async_context(install(options, given, shown))
            synced = await watched(_sync(installation, shown), installation.watch(shown.message))
        if document:
            document.write(synced[0][1] if len(synced) == 1 else {run.feed: figures for run, figures in synced})
        for run, figures in synced:
            _summarize(run, figures)
        if installation.url:
            keys = await create_keys(installation.database)
            await installation.open_shop(keys.shop)
            environment = exit_stack.enter_context(environment_file(installation))
            await print_instructions(installation, keys, environment, database_given=bool(given.get("DATABASE_URL")))
            _print("Ctrl-C stops everything.")
            ready.set()
            await installation.watch(shown.message)


async def _sync(installation: Installation, shown: Display) -> list[tuple[Run, Figures]]:
    runs = await installation.sync(shown)
    await installation.ready()
    return [(run, await figures_of(installation.settings, installation.database, run)) for run in runs]


def _summarize(run: Run, figures: Figures) -> None:
    """Print the figures: as text on a terminal, as one line of JSON elsewhere."""
    console = Console(highlight=False)
    if not console.is_terminal:
        _print(msgspec.json.encode(figures).decode())
        return
    stones = figures.fetched - figures.repeated
    console.print(
        f"\nA {run.run_type} sync of {stones:,} stones of {run.feed} took {figures.seconds:.1f} s "
        f"({stones / max(figures.seconds, 0.001):,.0f} a second):"
    )
    console.print(
        f"  {figures.upserted:,} written, {figures.unchanged:,} unchanged, {run.quarantined:,} quarantined, "
        f"{run.deleted:,} deleted"
    )
    console.print(
        f"  {figures.partitions} partitions, the largest {figures.partition_max_over_mean:.2f} times the mean, "
        f"planned with {figures.count_queries} counts; {figures.repeated:,} stones read twice, where pages overlap",
        soft_wrap=True,
    )
    balance = f"{figures.diamonds_active:,} in the inventory + {figures.quarantined:,} quarantined"
    if figures.accounted_for:
        console.print(f"  [green]Nothing is lost:[/] {balance} = {figures.supplier_stones:,} at the supplier")
    else:
        console.print(
            f"  [yellow]The feed has changed since:[/] {balance}, now {figures.supplier_stones:,} at the supplier"
        )


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
