"""Lease heartbeat: renew a lease in the database for as long as the work under it continues."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger

log = get_logger()


@asynccontextmanager
async def heartbeat(renew: Callable[[], Awaitable[object]], lease_seconds: float) -> AsyncIterator[None]:
    """Renew a lease three times in its length until the `with` ends.

    A lost lease is noticed when the work is written, under the lease's token.
    """
    ended = False

    async def renew_until_ended() -> None:
        # A cancellation may be swallowed on the way to the database, so the loop does not rely on it.
        while not ended:
            await asyncio.sleep(lease_seconds / 3)
            try:
                await renew()
            except InventoryError as error:
                log.warning("lease_not_renewed", error=error.code)
            except Exception:
                # The work continues, so the heartbeat must: the next renewal may succeed.
                log.exception("lease_not_renewed")

    task = asyncio.create_task(renew_until_ended())
    try:
        yield
    finally:
        ended = True
        task.cancel()
