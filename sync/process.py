"""Process lifetime of a role: run until SIGTERM or Ctrl-C, drain, and exit with code 0."""

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
_FIRST_SCHEMA_SECONDS = 0.25
_SCHEMA_SECONDS = 5.0


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """Create an event that SIGTERM and SIGINT set. Requires a running loop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def request_stop(name: str) -> None:
        log.info("stop_requested", signal=name)
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, request_stop, number.name)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def run_role(role: Callable[[asyncio.Event], Awaitable[None]], drain_seconds: float) -> None:
    """Run a role until a stop signal. Cancel it if it has not ended `drain_seconds` later.

    Cancellation is safe: leases and locks expire, and other processes continue from the last checkpoint.
    """
    with stop_on_signals() as stop:
        work = asyncio.ensure_future(role(stop))
        stop_requested = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stop_requested}, return_when=asyncio.FIRST_COMPLETED)
        stop_requested.cancel()
        if not work.done():
            await asyncio.wait({work}, timeout=drain_seconds)
        if not work.done():
            log.warning("role_cancelled", after_seconds=drain_seconds)
            await cancel_until_ended(work)
            return
        await work


async def wait_for_schema(database: Database, stop: asyncio.Event) -> None:
    """Wait until the database schema is not older than this code, or `stop` is set.

    Returns if the database does not answer: a role starts without it and handles the outage.

    Raises:
        DatabaseMisconfigured: the configuration is wrong; waiting does not help.
    """
    pause = _FIRST_SCHEMA_SECONDS
    while not stop.is_set():
        try:
            await revision.require(database)
        except SchemaBehind as error:
            log.warning("schema_outdated", **error.details)
        except DatabaseMisconfigured:
            raise
        except DatabaseUnavailable:
            return
        else:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(2 * pause, _SCHEMA_SECONDS)


async def cancel_until_ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks repeatedly until they have ended.

    One cancellation is not enough: redis-py swallows it while it closes a connection.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)
