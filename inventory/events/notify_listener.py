"""The sign that the log has grown: Postgres' own notifications, where they can be heard.

They only reduce the delay. Readers of the log also poll it, so a lost notification only delays an event.
"""

import asyncio
from collections.abc import Callable

import asyncpg

from inventory.core.logging import get_logger
from inventory.core.settings.database import DatabaseSettings

log = get_logger()

_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 30.0
# How often the connection is asked for a sign of life: one whose other end is gone without a word hears nothing.
_PROBE_SECONDS = 15.0


class NotifyListener:
    """Listens on a separate connection, past any pooler, which would hand out another connection each time."""

    def __init__(self, settings: DatabaseSettings) -> None:
        pooled = settings.pooler == "transaction"
        url = settings.direct_url or (None if pooled else settings.url)
        self._url = url.get_secret_value() if url else None
        # As the statement `append` has it.
        self._channel = f"{settings.schema_name[:50]}_events"
        self._timeout = settings.timeout_seconds

    async def run(self, notify: Callable[[str], None]) -> None:
        """Pass on what each sign says, and nothing ("") whenever one may have been missed. Until cancelled."""
        if self._url is None:
            log.info("events are polled", reason="DATABASE_DIRECT_URL is not set")
            return
        pause = _PAUSE_SECONDS
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=self._timeout)
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                    await connection.add_listener(self._channel, lambda *sign: notify(str(sign[-1])))
                    notify("")
                    pause = _PAUSE_SECONDS
                    await self._probe(connection, lost)
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # a timeout is an OSError
                log.warning("events are polled", reason=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)

    async def _probe(self, connection: "asyncpg.Connection[asyncpg.Record]", lost: asyncio.Event) -> None:
        while True:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    await lost.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=self._timeout)
            else:
                raise ConnectionError
