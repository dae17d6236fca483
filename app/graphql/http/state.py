"""What the faces of GraphQL share within one process."""

from typing import TypedDict

from arq.connections import ArqRedis
from starlette.requests import HTTPConnection

from app.auth.authentication import Door
from app.graphql.http.budget import Budget
from app.graphql.http.connections import Presence
from app.graphql.http.persisted_documents import Registry
from app.graphql.http.subscription_manager import Live
from inventory.catalog.search import Search
from inventory.events.dispatcher import Hub
from inventory.pricing.service import Rulebook
from inventory.runs.service import Journal
from inventory.trading.service import Desk


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
