"""Supplier registry: the feed, the trading client and the payload mapping of each configured supplier."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from redis.asyncio import Redis

from inventory.core.errors import SupplierError
from inventory.core.logging import get_logger
from inventory.core.settings import Settings, SettingsError
from inventory.suppliers.csv_files.column_map import read_column_map
from inventory.suppliers.csv_files.feed import open_csv_feed
from inventory.suppliers.csv_files.mapping import observe_payload
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.limiter import RedisRateLimiter
from inventory.suppliers.nivoda import feed as nivoda_feed
from inventory.suppliers.nivoda import trading as nivoda_trading
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import Feed, ObservedItem, Remap, SupplierTrading
from inventory.suppliers.unusable_feed import UnusableFeed

log = get_logger()

AnyFeed = Feed | EnumeratedFeed


class Supplier(Protocol):
    """A kind of supplier. `settings`: those of one feed (`Settings.of_feed`)."""

    trades: bool  # whether its stones can be held and purchased

    def open_feed(self, settings: Settings, credential: Any = None) -> AbstractAsyncContextManager[AnyFeed]:
        """Open the feed, with the rate limit that all processes share. `credential`: an Azure credential, for blobs."""

    def open_trading(self, settings: Settings, redis: Redis) -> AbstractAsyncContextManager[SupplierTrading | None]:
        """Open trading. Yields None if the supplier does not trade, or has no account."""

    def remap(self, settings: Settings) -> Remap:
        """Return the present mapping of stored payloads."""


class _Nivoda:
    """Nivoda: an API with counts, pages and trading."""

    trades = True

    @asynccontextmanager
    async def open_feed(self, settings: Settings, credential: Any = None) -> AsyncIterator[Feed]:
        del credential
        async with (
            Redis.from_url(settings.redis.need("url")) as redis,
            nivoda_feed.open_feed(
                settings.nivoda, RedisRateLimiter.of(settings.nivoda, settings.sync.feed, redis)
            ) as feed,
        ):
            yield feed

    def open_trading(self, settings: Settings, redis: Redis) -> AbstractAsyncContextManager[SupplierTrading | None]:
        return nivoda_trading.open_limited_trading(settings, redis)

    def remap(self, settings: Settings) -> Remap:
        del settings
        return observe


class _FileSettings(msgspec.Struct, frozen=True):
    """The settings of a feed of files, of which none is missing."""

    source: str
    map: str
    settle_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "_FileSettings":
        feed = settings.by_feed[settings.sync.feed]
        return cls(feed.need("source"), feed.need("map"), feed.settle_seconds)


class _Csv:
    """Price lists in files, mapped by a column map. Their stones cannot be held or purchased."""

    trades = False

    @asynccontextmanager
    async def open_feed(self, settings: Settings, credential: Any = None) -> AsyncIterator[EnumeratedFeed]:
        name = settings.sync.feed
        async with AsyncExitStack() as stack:
            try:
                feed: EnumeratedFeed = await stack.enter_async_context(
                    open_csv_feed(name, _FileSettings.of(settings), credential)
                )
            except SupplierError as error:
                log.warning("feed_unusable", feed=name, code=error.code, error=error.message)
                feed = UnusableFeed(error)
            yield feed

    @asynccontextmanager
    async def open_trading(self, settings: Settings, redis: Redis) -> AsyncIterator[None]:
        del settings, redis
        yield None

    def remap(self, settings: Settings) -> Remap:
        feed = settings.sync.feed
        files = {file.kind: file for file in read_column_map(Path(_FileSettings.of(settings).map)).files}

        def remap(payload: bytes, *, lab_grown: bool | None) -> ObservedItem:
            del lab_grown
            return observe_payload(payload, files, feed=feed)

        return remap


_KINDS: Mapping[str, Supplier] = {"nivoda": _Nivoda(), "csv": _Csv()}


def supplier_of(settings: Settings) -> Supplier:
    """Return the supplier of the feed of the settings.

    Raises:
        SettingsError: no supplier has the kind of the feed.
    """
    feed = settings.sync.feed
    kind = settings.by_feed[feed].kind
    if kind is None or kind not in _KINDS:
        raise SettingsError(f"The feed {feed} has the kind {kind}, and no supplier has this kind")
    return _KINDS[kind]


def trading_feed(settings: Settings) -> str | None:
    """Return the name of the feed whose stones can be held and purchased; None without one."""
    return next((name for name in settings.by_feed if supplier_of(settings.of_feed(name)).trades), None)


def trading_settings(settings: Settings) -> Settings:
    """Return the settings of the feed that trades; its incidents name it. Without one, the settings as they are."""
    feed = trading_feed(settings)
    return settings if feed is None else settings.of_feed(feed)


@asynccontextmanager
async def open_trading_client(settings: Settings, redis: Redis) -> AsyncIterator[SupplierTrading | None]:
    """Open the trading client of the installation. Yields None if no supplier trades or has an account."""
    if trading_feed(settings) is None:
        yield None
        return
    chosen = trading_settings(settings)
    async with supplier_of(chosen).open_trading(chosen, redis) as trading:
        yield trading
