"""Ctrl-C and SIGTERM end a command in order: what is inside a `with` gets to clean up, once."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal asked this process to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.number = number


@asynccontextmanager
async def stopping_on_signals() -> AsyncIterator[None]:
    """Cancel what is inside at the first signal; later ones change nothing, so that the cleaning up is not cut short.

    Raises:
        Stopped: a signal came, and what was inside has ended.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    loop = asyncio.get_running_loop()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not received:
            task.cancel()
        received.append(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
        await asyncio.sleep(0)  # a cancellation that came at the very end strikes here, not in the caller's next step
    except asyncio.CancelledError:
        if not received or task.uncancel() > 0:
            raise
        raise Stopped(received[0]) from None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
