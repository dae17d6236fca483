"""Last use of API keys (`last_used_at`), recorded at most once a minute."""

from datetime import timedelta

from app.auth import repository
from app.auth.repository import StoredKey
from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.core.logging import get_logger

log = get_logger()

_INTERVAL = timedelta(minutes=1)


class KeyUsage:
    """Recorder of the last use of keys."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, stored: StoredKey) -> None:
        """Record the use of a valid key. Of many processes only the first in a minute writes."""
        now = self._clock()
        if not stored.live_at(now) or (stored.last_used_at and now - stored.last_used_at < _INTERVAL):
            return
        try:
            async with self._database.bounded() as connection:
                await repository.touch(connection, stored.id, now)
        except DatabaseUnavailable:
            # A request does not fail because its usage is not recorded.
            log.warning("key_usage_not_recorded", key_id=stored.id)
