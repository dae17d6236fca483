"""What the routes find in the application's state; `app.main` puts it there."""

from typing import TypedDict

from arq.connections import ArqRedis
from redis.asyncio import Redis

from app.access.door import Door
from app.catalog.search import Search
from app.core.database import Database
from app.core.settings import Settings
from app.trading.desk import Desk


class State(TypedDict):
    """The servers and use cases of one process."""

    database: Database
    redis: Redis
    jobs: ArqRedis
    settings: Settings
    door: Door
    search: Search
    desk: Desk
