"""Signal handling: SIGINT and SIGTERM cancel the current task, so that its context managers clean up."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """The process received a signal to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.number = number


@asynccontextmanager
async def stopping_on_signals() -> AsyncIterator[None]:
    """Cancel the body of the context on the first signal. Later signals are ignored, so that the cleanup completes.

    The first signal also writes a line to stderr.

    Raises:
        Stopped: the process received a signal; the body has ended.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    loop = asyncio.get_running_loop()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not received:
            sys.stderr.write("Stopping the servers, which takes a few seconds.\n")
            task.cancel()
        received.append(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
        await asyncio.sleep(0)  # a cancellation at the end of the body is raised here, not in the caller
    except asyncio.CancelledError:
        if not received or task.uncancel() > 0:
            raise
        raise Stopped(received[0]) from None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
