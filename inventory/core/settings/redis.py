"""Settings of Redis."""

from typing import Annotated

from pydantic_settings import SettingsConfigDict

from inventory.core.settings.addresses import RedisUrl
from inventory.core.settings.section import ServerSection, setting


class RedisSettings(ServerSection):
    """Address of Redis."""

    model_config = SettingsConfigDict(title="Redis", env_prefix="REDIS_")

    url: Annotated[RedisUrl | None, setting("Redis or Valkey, 6 or newer.", example="redis://localhost:6379/0")] = None
