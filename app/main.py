"""The API: wiring and lifespan, nothing else."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import NoReturn

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.auth.authentication import Door
from app.auth.authenticator import Authenticator
from app.auth.limits import Budgets, Limiter
from app.auth.nonces import Nonces
from app.auth.signature_authenticator import Signers
from app.graphql.http.budget import Budget
from app.graphql.http.connections import Presence
from app.graphql.http.endpoint import routes as graphql_routes
from app.graphql.http.persisted_documents import Registry
from app.graphql.http.state import State as GraphQLState
from app.graphql.http.subscription_manager import Live
from app.http.body_limit import BodyLimit
from app.http.compression import Compression
from app.http.response_headers import Headers
from app.http.tracing import Tracing
from app.rest.errors import routing_refusal
from app.rest.ignored import HEADER as IGNORED_PARAMETERS
from app.rest.routes import ROUTES
from app.rest.state import State as RestState
from inventory.catalog.repository import PostgresSearch
from inventory.core import jobs
from inventory.core.database import Database
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.events.dispatcher import Hub
from inventory.pricing.service import Rulebook
from inventory.runs.service import Journal
from inventory.runs.watch import RunWatch
from inventory.suppliers.nivoda.trading import open_limited_trading
from inventory.trading.service import open_desk

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


class State(RestState, GraphQLState):
    """What both faces of the inventory find in each request."""


def create_app(settings: Settings) -> Starlette:
    """The application of one process. It starts without its servers, and works as soon as they answer.

    Raises:
        SettingsError: a setting that the API needs is missing.
    """
    settings.need("database_url")
    redis_url = settings.need("redis_url")
    if settings.nivoda_endpoint:  # without a supplier there is no trading, and everything else
        settings.need("nivoda_username"), settings.need("nivoda_password")
    if settings.hmac_secrets and not settings.signing_hosts and settings.environment == "production":
        log.warning("signatures for any host are accepted", setting="HMAC_HOSTS")
    presence = Presence(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        redis = Redis.from_url(
            redis_url, socket_timeout=_REDIS_TIMEOUT_SECONDS, socket_connect_timeout=_REDIS_TIMEOUT_SECONDS
        )
        nonces = Nonces(redis)
        limiter = Limiter(redis, Budgets.of(settings))
        queue = jobs.connect(settings)
        async with (
            Database.open(settings) as database,
            aclosing(redis),
            aclosing(queue),
            open_limited_trading(settings, redis) as supplier,
            open_desk(settings, database, supplier) as desk,
        ):
            signers = Signers(database, nonces, settings.signing_secrets(), hosts=settings.signing_hosts)
            door = Door(Authenticator(database), signers, nonces, limiter)
            journal = Journal(database)
            hub = Hub(settings, database)
            async with _working(hub.run(), presence.watch(door)):
                yield State(
                    database=database,
                    redis=redis,
                    jobs=queue,
                    settings=settings,
                    door=door,
                    search=PostgresSearch(database),
                    rulebook=Rulebook(database),
                    journal=journal,
                    registry=Registry(database),
                    desk=desk,
                    budget=Budget(redis, most=settings.graphql_budget, restore_rate=settings.graphql_restore_rate),
                    hub=hub,
                    live=Live(settings, hub, RunWatch(journal)),
                    presence=presence,
                )

    app = Starlette(
        routes=[*ROUTES, *graphql_routes(settings)],
        middleware=_middleware(settings),
        exception_handlers={HTTPException: routing_refusal},
        lifespan=lifespan,
    )
    # A redirection would name what the request says of itself: a host of the caller's choice, and no TLS behind a proxy.
    app.router.redirect_slashes = False
    app.state.presence = presence  # for the server, which asks everyone to leave before it does
    return app


@asynccontextmanager
async def _working(*work: Coroutine[None, None, NoReturn]) -> AsyncIterator[None]:
    """Something that is done without end, for the length of a `with`."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _middleware(settings: Settings) -> list[Middleware]:
    """From the outside in."""
    return [
        Middleware(ProxyHeadersMiddleware, trusted_hosts=settings.proxies),
        Middleware(Tracing),
        Middleware(Headers),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_origin_regex=settings.origin_pattern,
            allow_methods=["GET", "POST"],
            allow_headers=_SENT,
            expose_headers=_READ,
            max_age=3600,
        ),
        Middleware(Compression, minimum_size=1024, compresslevel=5),
        Middleware(BodyLimit, largest=settings.max_body_bytes),
    ]
