"""The command line of the sandbox: demo and up, on real servers, without Docker and without an account anywhere."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from inventory.core import logging
from inventory.core.command_line import CONFIGURATION_EXIT, FAILURE_EXIT, exit_with
from inventory.core.errors import InventoryError
from inventory.core.settings import SettingsError
from sandbox.demo import demonstrate
from sandbox.document import Document
from sandbox.installation import Wishes
from sandbox.parent_watchdog import end_with_make
from sandbox.stack.ports import CannotListen
from sandbox.stack.signals import Stopped, stopping_on_signals
from sandbox.up import keep_up

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Stones = Annotated[
    int | None,
    typer.Option(
        min=0, max=5_000_000, help="Stones that the simulated supplier has: the first are the real ones. [53940]"
    ),
]
Generated = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=1_000_000,
        help="Further stones: other shapes, lab-grown, fancy colours. [12000; 0 with --once and with --stones]",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed makes the same stones.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Where the API listens; 0 takes a free port.")]
Feeds = Annotated[
    str,
    typer.Option(
        "--feeds",
        metavar="NAMES",
        help="Feeds of the installation: nivoda (the simulated API), or nivoda,csv (and a price list of 10,000 stones).",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show what all processes log.")]

_SIGNALLED = 128
_FEEDS = ("nivoda", "nivoda,csv")
_REAL_STONES, _SHOP_STONES = 53_940, 12_000


def main() -> None:
    """Run a command. A wrong setting or a port in use: the line that says so, exit 2. A failure: its reason, exit 1."""
    try:
        app()
    except (SettingsError, CannotListen) as error:
        exit_with(str(error), CONFIGURATION_EXIT)
    except InventoryError as error:
        exit_with(error.message, FAILURE_EXIT)


@app.command()
def demo(
    stones: Stones = None,
    generated: Generated = None,
    once: Annotated[bool, typer.Option("--once", help="Leave after the sync, serve nothing.")] = False,
    seed: Seed = 1,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Where to write the sync's figures.")
    ] = None,
    port: Port = 3000,
    feeds: Feeds = "nivoda",
    verbose: Verbose = False,
) -> None:
    """Sync real stones from a simulated supplier through the whole pipeline, then serve them until Ctrl-C.

    Each server is replaced where its setting is given (DATABASE_URL, REDIS_URL, AZURE_SERVICE_BUS_CONNECTION_STRING,
    NIVODA_ENDPOINT). Exit code 0: the sync succeeded. 1: it did not, with the reason. 2: a setting is wrong or the port
    in use.
    """
    base, further = _inventory(stones, generated, shop=not once)
    wishes = Wishes(
        stones=base, generated=further, seed=seed, port=None if once else port, feeds=_feeds(feeds), verbose=verbose
    )
    document = _document(json_file, private=False)
    _run(lambda ready: demonstrate(wishes, os.environ, document, ready))


@app.command()
def up(
    stones: Stones = None,
    generated: Generated = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Where to write how to reach it, once all is ready.")
    ] = None,
    port: Port = 3000,
    seed: Seed = 1,
    lock_seconds: Annotated[
        float | None,
        typer.Option(min=2, max=300, help="How long a silent process keeps its work, instead of a minute."),
    ] = None,
    feeds: Feeds = "nivoda",
    verbose: Verbose = False,
) -> None:
    """The whole stack with one sync done: API, workers, consolidator and jobs, until SIGTERM.

    What ends by itself is started again. Exit code 0: asked to stop. 1: it did not come up, or can't be kept up. 2: a
    setting is wrong or the port in use.
    """
    base, further = _inventory(stones, generated, shop=True)
    wishes = Wishes(
        stones=base,
        generated=further,
        seed=seed,
        port=port,
        lock_seconds=lock_seconds,
        keeps=True,
        feeds=_feeds(feeds),
        verbose=verbose,
    )
    document = _document(json_file, private=True)
    _run(lambda ready: keep_up(wishes, os.environ, document, ready))


def _inventory(stones: int | None, generated: int | None, *, shop: bool) -> tuple[int, int]:
    """How many stones the supplier has, and how many further ones are generated.

    What is measured (`--once`) is the real stones alone, and a number of stones that is given is that number.
    """
    usual = _SHOP_STONES if shop and stones is None else 0
    return _REAL_STONES if stones is None else stones, usual if generated is None else generated


def _feeds(text: str) -> tuple[str, ...]:
    if text not in _FEEDS:
        raise typer.BadParameter(f"should be one of: {', '.join(_FEEDS)}", param_hint="--feeds")
    return tuple(text.split(","))


def _document(path: Path | None, *, private: bool) -> Document | None:
    if path is None:
        return None
    try:
        return Document(path, private=private)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--json") from None


def _run(command: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run a command until it ends or is asked to. It sets the event when all is ready: then that is how it ends."""
    logging.configure("WARNING", "auto", "sandbox")
    end_with_make()
    ready = asyncio.Event()

    async def run() -> None:
        async with stopping_on_signals():
            await command(ready)

    try:
        asyncio.run(run())
    except Stopped as stopped:
        raise typer.Exit(0 if ready.is_set() else _SIGNALLED + stopped.number) from None
