"""Application of the API: wiring and lifespan."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import NoReturn

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.auth.api_key_service import ApiKeyService
from app.auth.authentication import Authentication
from app.auth.authenticator import Authenticator
from app.auth.limits import RequestLimits, RequestRateLimiter
from app.auth.nonces import Nonces
from app.auth.sessions import Sessions
from app.auth.signature_authenticator import SignatureAuthenticator
from app.dashboard.routes import routes as dashboard_routes
from app.doctor.service import InstallationDoctor
from app.graphql.execution.budget import CostBudget
from app.graphql.execution.persisted_documents import PersistedDocuments
from app.graphql.http.endpoint import routes as graphql_routes
from app.graphql.subscriptions.connections import ConnectionRegistry
from app.graphql.subscriptions.state import GraphQLState
from app.graphql.subscriptions.subscription_manager import SubscriptionManager
from app.http.body_cache import BodyCache
from app.http.body_limit import BodyLimit
from app.http.compression import Compression
from app.http.cors import Cors
from app.http.response_headers import ResponseHeaders
from app.http.routing import Route
from app.http.tracing import Tracing
from app.metrics import add_api_metrics
from app.rest.errors import routing_error_response
from app.rest.ignored import HEADER as IGNORED_PARAMETERS
from app.rest.routes import ROUTES
from app.services import Services
from inventory.alerts.service import IncidentService
from inventory.catalog.index.search import IndexedSearch
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.repository import PostgresSearch
from inventory.core import jobs
from inventory.core.database import Database
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.core.telemetry.metrics_server import enable_metrics, serve_metrics
from inventory.core.telemetry.spans import enable_traces
from inventory.events.data_version import DataVersion
from inventory.events.dispatcher import EventDispatcher
from inventory.pricing.exchange_rates import ExchangeRates
from inventory.pricing.service import PricingService
from inventory.runs.review import RunReview
from inventory.runs.run_log import RunLog
from inventory.runs.service import RunService
from inventory.runs.watch import RunWatch
from inventory.searches.saved_searches import SavedSearches
from inventory.suppliers.registry import open_trading_client
from inventory.trading.service import open_trading

log = get_logger()

_REDIS_TIMEOUT_SECONDS = 2.0
# What pages of other origins may send, and read of the answers.
_SENT = (
    "Authorization", "Content-Type", "If-None-Match", "Traceparent", "X-API-Key", "X-Client-Id", "X-Idempotency-Key",
    "X-Nonce", "X-Signature", "X-Signature-Version", "X-Timestamp",
    # Of Apollo Client, of Sentry and of W3C tracing.
    "Apollo-Require-Preflight", "ApolloGraphQL-Client-Name", "ApolloGraphQL-Client-Version", "Baggage", "Sentry-Trace",
    "Tracestate", "X-Request-Id",
)  # fmt: skip
_READ = (
    "ETag", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", IGNORED_PARAMETERS,
    "X-Request-Id",
)  # fmt: skip


def create_app(settings: Settings) -> Starlette:
    """Create the application of one process. It starts without its servers and works as soon as they answer.

    Raises:
        SettingsError: a setting that the API needs is missing.
    """
    enable_metrics(settings.telemetry)
    enable_traces(settings.telemetry, "api")
    settings.database.need("url")
    redis_url = settings.redis.need("url")
    if settings.nivoda.endpoint:  # without a supplier there is no trading, and everything else
        settings.nivoda.need("username"), settings.nivoda.need("password")
    if settings.auth.hmac_secrets and not settings.auth.signing_hosts and settings.general.environment == "production":
        log.warning("signatures for any host are accepted", setting="HMAC_HOSTS")
    connections = ConnectionRegistry(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[GraphQLState]:
        redis = Redis.from_url(
            redis_url, socket_timeout=_REDIS_TIMEOUT_SECONDS, socket_connect_timeout=_REDIS_TIMEOUT_SECONDS
        )
        nonces = Nonces(redis)
        limiter = RequestRateLimiter(redis, RequestLimits.of(settings.auth))
        queue = jobs.connect(settings.redis)
        async with (
            Database.open(settings.database) as database,
            aclosing(redis),
            aclosing(queue),
            open_trading_client(settings, redis) as supplier,
            open_trading(settings, database, supplier) as trading,
        ):
            signatures = SignatureAuthenticator(
                database, nonces, settings.auth.signing_secrets(), hosts=settings.auth.signing_hosts
            )
            authentication = Authentication(Authenticator(database), signatures, nonces, limiter, Sessions(redis))
            runs = RunService(database)
            version = DataVersion(database, max_age_seconds=settings.api.data_version_seconds)
            events = EventDispatcher(settings.database, database, version.expire)
            index = SearchIndex(database) if settings.api.search_index else None
            postgres = PostgresSearch(database)
            services = Services(
                settings=settings,
                database=database,
                redis=redis,
                jobs=queue,
                authentication=authentication,
                api_keys=ApiKeyService(database),
                bodies=BodyCache(),
                data_version=version,
                search=IndexedSearch(database, index, postgres, version) if index else postgres,
                search_index=index,
                pricing=PricingService(database),
                exchange_rates=ExchangeRates(database),
                saved_searches=SavedSearches(database),
                runs=runs,
                review=RunReview(database),
                run_log=RunLog(database),
                incidents=IncidentService(database),
                doctor=InstallationDoctor(settings, queue),
                trading=trading,
                events=events,
            )
            async with (
                _background(events.run(), connections.watch(authentication), *([index.run()] if index else [])),
                serve_metrics(settings.telemetry, add_api_metrics(database, events, index, connections)),
            ):
                yield GraphQLState(
                    services=services,
                    budget=CostBudget(redis, most=settings.graphql.budget, restore_rate=settings.graphql.restore_rate),
                    persisted_documents=PersistedDocuments(database),
                    subscriptions=SubscriptionManager(settings.events, events, RunWatch(runs)),
                    connections=connections,
                )

    app = Starlette(
        # The first match counts, so the most frequent routes come first.
        routes=[*graphql_routes(settings), *ROUTES, *dashboard_routes(settings.general), *_shop(settings)],
        middleware=_middleware(settings),
        exception_handlers={HTTPException: routing_error_response},
        lifespan=lifespan,
    )
    # A redirection would name what the request says of itself: a host of the caller's choice, and no TLS behind a proxy.
    app.router.redirect_slashes = False
    app.state.connections = connections  # the server closes them before it stops
    return app


@asynccontextmanager
async def _background(*work: Coroutine[None, None, NoReturn]) -> AsyncIterator[None]:
    """Run endless tasks for the length of a `with`."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _shop(settings: Settings) -> Sequence[Route]:
    """`/shop` in development: the way to a shop's own server, which keeps its key."""
    if settings.general.environment != "development" or not settings.api.shop_url:
        return ()

    async def lead(_request: Request) -> Response:
        return RedirectResponse(f"{settings.api.shop_url}/shop")

    return (Route("/shop", lead, methods=["GET"]),)


def _middleware(settings: Settings) -> list[Middleware]:
    """Middleware, the outermost first."""
    return [
        Middleware(ProxyHeadersMiddleware, trusted_hosts=settings.api.proxies),
        Middleware(Tracing),
        Middleware(ResponseHeaders),
        Middleware(
            Cors,
            allow_origins=settings.api.origins,
            allow_origin_regex=settings.origin_pattern,
            allow_methods=["GET", "POST"],
            allow_headers=_SENT,
            expose_headers=_READ,
            max_age=3600,
        ),
        Middleware(Compression),
        Middleware(BodyLimit, largest=settings.api.max_body_bytes),
    ]
