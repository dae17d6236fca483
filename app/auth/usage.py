"""When a key was last used: written now and then, and never in a request's way."""

from datetime import timedelta

from app.auth import repository
from app.auth.repository import StoredKey
from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.core.logging import get_logger

log = get_logger()

_EVERY = timedelta(minutes=1)


class Usage:
    """Notes the use of keys, to the minute."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, stored: StoredKey) -> None:
        """A valid key is being used. Of many processes only the first in a minute writes."""
        now = self._clock()
        if not stored.live_at(now) or (stored.last_used_at and now - stored.last_used_at < _EVERY):
            return
        try:
            async with self._database.bounded() as connection:
                await repository.touch(connection, stored.id, now)
        except DatabaseUnavailable:
            # The request is answered anyway: usage is only recorded.
            log.warning("key use not recorded", key_id=stored.id)
