"""Services of one API process. `app.main` creates them; every request finds them in its state."""

from typing import TypedDict

import msgspec
from arq.connections import ArqRedis
from redis.asyncio import Redis

from app.auth.api_key_service import ApiKeyService
from app.auth.authentication import Authentication
from app.doctor.service import InstallationDoctor
from app.http.body_cache import BodyCache
from inventory.alerts.service import IncidentService
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.search import DiamondSearch
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.events.data_version import DataVersion
from inventory.events.dispatcher import EventDispatcher
from inventory.pricing.exchange_rates import ExchangeRates
from inventory.pricing.service import PricingService
from inventory.runs.review import RunReview
from inventory.runs.run_log import RunLog
from inventory.runs.service import RunService
from inventory.searches.saved_searches import SavedSearches
from inventory.trading.service import TradingService


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What GraphQL and REST share. `jobs`: the queue of the job worker."""

    settings: Settings
    database: Database
    redis: Redis
    jobs: ArqRedis
    authentication: Authentication
    api_keys: ApiKeyService
    bodies: BodyCache
    data_version: DataVersion
    search: DiamondSearch
    search_index: SearchIndex | None
    pricing: PricingService
    exchange_rates: ExchangeRates
    saved_searches: SavedSearches
    runs: RunService
    review: RunReview
    run_log: RunLog
    incidents: IncidentService
    doctor: InstallationDoctor
    trading: TradingService
    events: EventDispatcher


class State(TypedDict):
    """State of a request to REST; GraphQL adds its own parts."""

    services: Services
