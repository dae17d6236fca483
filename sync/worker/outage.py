"""Outages of a supplier: a worker waits under its lease, because an outage says nothing about the partition."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from inventory.core.errors import SupplierBusy, SupplierUnavailable
from inventory.core.logging import get_logger
from sync.messaging.consumer import ConsumerStopped
from sync.worker.partition_lease import PartitionLease

log = get_logger()

_FIRST_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 30.0

Answer = TypeVar("Answer")


async def wait_out(
    call: Callable[[], Awaitable[Answer]], lease: PartitionLease, seconds: float, stop: asyncio.Event
) -> Answer:
    """Call the supplier until it answers, for at most `seconds` of an outage.

    Raises:
        SupplierError: the outage lasts too long, or the error is no outage.
        ConsumerStopped: `stop` is set.
    """
    until = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except SupplierUnavailable as error:
            # The client has already waited as long as a busy supplier asked for.
            if isinstance(error, SupplierBusy) or time.monotonic() + pause > until:
                raise
            log.warning("supplier_unavailable", error=error.message, pause_seconds=pause)
            await lease.note(f"{error.code}: {error.message}")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
            raise ConsumerStopped
        pause = min(pause * 2, _MAX_PAUSE_SECONDS)
