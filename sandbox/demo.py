"""The demo: one sync from end to end on real servers, then an API to try out."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec
from rich.console import Console

from inventory.runs.models import Run
from sandbox.document import Document
from sandbox.figures import Figures, figures_of
from sandbox.installation import Installation, Wishes, first, install
from sandbox.invitation import create_keys, invite
from sandbox.progress import Display, display


async def demonstrate(
    wishes: Wishes, given: Mapping[str, str], document: Document | None, ready: asyncio.Event
) -> None:
    """Sync, say what came of it, and serve it where a port is wished.

    Raises:
        SyncFailed: the sync did not succeed.
        ProcessFailed: a process or a server ended by itself.
    """
    async with AsyncExitStack() as everything:
        with display() as shown:
            installation = await everything.enter_async_context(install(wishes, given, shown))
            synced = await first(_sync(installation, shown), installation.watch(shown.say))
        if document:
            document.write(synced[0][1] if len(synced) == 1 else {run.feed: figures for run, figures in synced})
        for run, figures in synced:
            _summarize(run, figures)
        if installation.url:
            keys = await create_keys(installation.database)
            await installation.open_shop(keys.shop)
            await invite(installation, keys, database_given=bool(given.get("DATABASE_URL")))
            _say("Ctrl-C stops everything.")
            ready.set()
            await installation.watch(shown.say)


async def _sync(installation: Installation, shown: Display) -> list[tuple[Run, Figures]]:
    runs = await installation.sync(shown)
    await installation.ready()
    return [(run, await figures_of(installation.settings, installation.database, run)) for run in runs]


def _summarize(run: Run, figures: Figures) -> None:
    """In words on a terminal, elsewhere as a line of JSON."""
    console = Console(highlight=False)
    if not console.is_terminal:
        _say(msgspec.json.encode(figures).decode())
        return
    stones = figures.fetched - figures.repeated
    console.print(
        f"\nA {run.run_type} sync of {stones:,} stones of {run.feed} took {figures.seconds:.1f} s "
        f"({stones / max(figures.seconds, 0.001):,.0f} a second):"
    )
    console.print(
        f"  {figures.upserted:,} written, {figures.unchanged:,} unchanged, {run.quarantined:,} not understood, "
        f"{run.deleted:,} deleted"
    )
    console.print(
        f"  {figures.partitions} partitions, the largest band {figures.partition_max_over_mean:.2f} times the mean, "
        f"found with {figures.count_queries} counts; {figures.repeated:,} stones read twice, where pages overlap",
        soft_wrap=True,
    )
    balance = f"{figures.diamonds_active:,} served + {figures.quarantined:,} set aside"
    if figures.accounted_for:
        console.print(f"  [green]Nothing is lost:[/] {balance} = {figures.supplier_stones:,} at the supplier")
    else:
        console.print(f"  [yellow]The feed has moved on:[/] {balance}, now {figures.supplier_stones:,} at the supplier")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
