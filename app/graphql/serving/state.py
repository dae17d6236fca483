"""What the faces of GraphQL share within one process."""

from typing import TypedDict

from arq.connections import ArqRedis
from starlette.requests import HTTPConnection

from app.access.door import Door
from app.catalog.search import Search
from app.events.hub import Hub
from app.graphql.serving.budget import Budget
from app.graphql.serving.live import Live
from app.graphql.serving.presence import Presence
from app.graphql.serving.registry import Registry
from app.pricing.rulebook import Rulebook
from app.runs.journal import Journal
from app.trading.desk import Desk


class State(TypedDict):
    """What they find in the application's state; `app.main` puts it there."""

    budget: Budget
    desk: Desk
    door: Door
    hub: Hub
    jobs: ArqRedis
    journal: Journal
    live: Live
    presence: Presence
    registry: Registry
    rulebook: Rulebook
    search: Search


Connection = HTTPConnection[State]
