"""Commands of the sandbox: `demo` and `up`, on real servers, without Docker and without accounts."""

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
from sandbox.demo import run_demo
from sandbox.document import Document
from sandbox.installation import InstallationOptions
from sandbox.parent_watchdog import end_with_make
from sandbox.stack.ports import CannotListen
from sandbox.stack.signals import Stopped, stopping_on_signals
from sandbox.up import run_stack

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Stones = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=5_000_000,
        help="Real stones of the simulated supplier; above 53940 they are generated in its price range. [53940]",
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
Seed = Annotated[int, typer.Option(help="Seed of the generated stones.")]
Port = Annotated[
    int, typer.Option(min=0, max=65_535, help="Port of the API; 0 takes a free port. The shop uses the next one.")
]
Feeds = Annotated[
    str,
    typer.Option(
        "--feeds",
        metavar="NAMES",
        help="Feeds of the installation: nivoda (the simulated API), or nivoda,csv (and a price list of 10,000 stones).",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the logs of all processes.")]

_SIGNALLED = 128
_FEEDS = ("nivoda", "nivoda,csv")
_REAL_STONES, _SHOP_STONES = 53_940, 12_000


def main() -> None:
    """Run a command. Exit code 2: a setting is invalid, or the port is in use. 1: another failure. The last line says why."""
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
    once: Annotated[bool, typer.Option("--once", help="Stop after the sync.")] = False,
    seed: Seed = 1,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="File for the figures of the sync.")
    ] = None,
    port: Port = 3000,
    feeds: Feeds = "nivoda",
    verbose: Verbose = False,
) -> None:
    """Sync real stones from a simulated supplier, then serve them until Ctrl-C.

    A server whose setting is given is used instead of a local one (DATABASE_URL, REDIS_URL,
    AZURE_SERVICE_BUS_CONNECTION_STRING, NIVODA_ENDPOINT). Exit code 0: the sync succeeded. 1: it failed, with the reason.
    2: a setting is invalid, or the port is in use.
    """
    base, further = _inventory(stones, generated, shop=not once)
    options = InstallationOptions(
        stones=base, generated=further, seed=seed, port=None if once else port, feeds=_feeds(feeds), verbose=verbose
    )
    document = _document(json_file, private=False)
    _run(lambda ready: run_demo(options, os.environ, document, ready))


@app.command()
def up(
    stones: Stones = None,
    generated: Generated = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="File for addresses and keys, written when all is ready."),
    ] = None,
    port: Port = 3000,
    seed: Seed = 1,
    lock_seconds: Annotated[
        float | None,
        typer.Option(min=2, max=300, help="Time after which the work of a silent process is taken over. [60]"),
    ] = None,
    feeds: Feeds = "nivoda",
    verbose: Verbose = False,
) -> None:
    """Run all processes after one sync: API, shop, workers, consolidator and jobs, until Ctrl-C.

    Processes that end are restarted. Exit code 0: stopped by the user. 1: the start or a restart failed. 2: a setting is
    invalid, or the port is in use.
    """
    base, further = _inventory(stones, generated, shop=True)
    options = InstallationOptions(
        stones=base,
        generated=further,
        seed=seed,
        port=port,
        lock_seconds=lock_seconds,
        restarts=True,
        feeds=_feeds(feeds),
        verbose=verbose,
    )
    document = _document(json_file, private=True)
    _run(lambda ready: run_stack(options, os.environ, document, ready))


def _inventory(stones: int | None, generated: int | None, *, shop: bool) -> tuple[int, int]:
    """Return the numbers of real and of generated stones.

    `--once` measures the real stones alone, and `--stones` gives the exact number.
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
    """Run a command until it ends or receives a signal. A signal is a success after the command has set its event."""
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
