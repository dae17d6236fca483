"""What the routes find in the application's state; `app.main` puts it there."""

from typing import TypedDict

from redis.asyncio import Redis

from app.access.authenticator import Authenticator
from app.catalog.search import Search
from app.core.database import Database


class State(TypedDict):
    """The servers and use cases of one process."""

    database: Database
    redis: Redis
    authenticator: Authenticator
    search: Search
