"""What the routes find in the application's state; `app.main` puts it there."""

from typing import TypedDict

from arq.connections import ArqRedis
from redis.asyncio import Redis

from app.auth.authentication import Door
from inventory.catalog.search import Search
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.trading.service import Desk


class State(TypedDict):
    """The servers and use cases of one process."""

    database: Database
    redis: Redis
    jobs: ArqRedis
    settings: Settings
    door: Door
    search: Search
    desk: Desk
