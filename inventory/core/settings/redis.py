"""Settings of Redis."""

from typing import Annotated

from inventory.core.settings.addresses import RedisUrl
from inventory.core.settings.section import ServerSection, setting


class RedisSettings(ServerSection, title="Redis", prefix="REDIS_"):
    """Address of Redis."""

    url: Annotated[RedisUrl | None, setting("Redis or Valkey, 6 or newer.", example="redis://localhost:6379/0")] = None
