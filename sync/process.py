"""How a role lives: it works until SIGTERM or Ctrl-C, then puts down what it holds and leaves with exit code 0."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from inventory.core import revision
from inventory.core.database import Database
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable, SchemaBehind
from inventory.core.logging import get_logger

log = get_logger()

_CANCEL_AGAIN_SECONDS = 0.5
_SCHEMA_SECONDS = 5.0


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set. Inside a running loop only."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def ask(name: str) -> None:
        log.info("stopping", signal=name)
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, ask, number.name)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def live(role: Callable[[asyncio.Event], Awaitable[None]], drain_seconds: float) -> None:
    """Run a role until it is asked to stop; what has not been put down `drain_seconds` later is cut off.

    Cutting off is safe: leases and locks run out, and others go on from the last checkpoint.
    """
    with stop_on_signals() as stop:
        work = asyncio.ensure_future(role(stop))
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not work.done():
            await asyncio.wait({work}, timeout=drain_seconds)
        if not work.done():
            log.warning("cut off", after_seconds=drain_seconds)
            await cut_off(work)
            return
        await work


async def schema_ready(database: Database, stop: asyncio.Event) -> None:
    """Wait, until `stop`, for as long as the schema is older than this code: half of a role must not work with it.

    A database that does not answer is none of this: a role starts without it, and bears its absence.

    Raises:
        DatabaseMisconfigured: waiting does not help.
    """
    while not stop.is_set():
        try:
            await revision.require(database)
        except SchemaBehind as error:
            log.warning("schema is behind", **error.details)
        except DatabaseMisconfigured:
            raise
        except DatabaseUnavailable:
            return
        else:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _SCHEMA_SECONDS)


async def cut_off(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: a cancellation that meets redis-py closing a connection is swallowed there.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)
