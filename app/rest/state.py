"""What the routes find in the application's state; `app.main` puts it there."""

from typing import TypedDict

from redis.asyncio import Redis

from app.access.door import Door
from app.catalog.search import Search
from app.core.database import Database


class State(TypedDict):
    """The servers and use cases of one process."""

    database: Database
    redis: Redis
    door: Door
    search: Search
