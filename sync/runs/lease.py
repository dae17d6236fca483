"""Being alive: a lease in the database is renewed for as long as the work under it goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger

log = get_logger()


@asynccontextmanager
async def kept(renew: Callable[[], Awaitable[object]], lease_seconds: float) -> AsyncIterator[None]:
    """Renew a lease three times in its length until the `with` ends.

    That it was lost is noticed where it matters: when the work is written, under the lease's token.
    """
    over = False

    async def keep() -> None:
        # A cancellation may be swallowed on the way to the database, so it is not relied upon.
        while not over:
            await asyncio.sleep(lease_seconds / 3)
            try:
                await renew()
            except InventoryError as error:
                log.warning("lease not renewed", error=error.code)
            except Exception:
                # The work goes on, so the lease must: what failed once may succeed in a moment.
                log.exception("lease not renewed")

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        over = True
        task.cancel()
