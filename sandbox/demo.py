"""The demo: one sync from end to end on real servers, then an API to try out."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec
from rich.console import Console

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.runs.models import Run
from sandbox.document import Document
from sandbox.figures import Figures, figures_of
from sandbox.installation import Installation, Wishes, first, install
from sandbox.progress import Display, display

_REST = "/api/v2/diamonds?shape=ROUND&carat_min=1&carat_max=1.5&sort_by=retail_price_cents&sort_order=asc&limit=3"
_GRAPHQL = (
    "{ diamonds(filter: {shapes: [ROUND], carat: {min: 1, max: 1.5}}, first: 3) "
    "{ totalCount nodes { supplierStoneId carat color clarity price { formatted } } } }"
)


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
            run, figures = await first(_sync(installation, shown), installation.watch(shown.say))
        if document:
            document.write(figures)
        _summarize(run, figures)
        if installation.url:
            issued = await ApiKeyService(installation.database).create("demo", "demo", [Scope.DIAMONDS_READ])
            _invite(installation.url, issued.key.text)
            ready.set()
            await installation.watch(shown.say)


async def _sync(installation: Installation, shown: Display) -> tuple[Run, Figures]:
    run = await installation.sync(shown)
    await installation.ready()
    return run, await figures_of(installation.settings, installation.database, run)


def _summarize(run: Run, figures: Figures) -> None:
    """In words on a terminal, elsewhere as a line of JSON."""
    console = Console(highlight=False)
    if not console.is_terminal:
        _say(msgspec.json.encode(figures).decode())
        return
    stones = figures.fetched - figures.repeated
    console.print(
        f"\nA {run.run_type} sync of {stones:,} stones took {figures.seconds:.1f} s "
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


def _invite(url: str, key: str) -> None:
    """Where to go, and two requests to paste, each on a separate line."""
    body = msgspec.json.encode({"query": _GRAPHQL}).decode()
    _say(f"""
API       {url}
GraphiQL  {url}/graphql
Ready     {url}/ready
API key   {key}

curl -s -H 'X-API-Key: {key}' '{url}{_REST}'

curl -s -H 'X-API-Key: {key}' -H 'Content-Type: application/json' -d '{body}' {url}/graphql

Ctrl-C stops everything.""")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
