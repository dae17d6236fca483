"""Distribution of messages to the handlers of feeds, so that one queue serves the runs of all feeds."""

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.runs import repository
from sync.messaging.consumer import Handler
from sync.messaging.messages import feed_named_by, run_named_by

Value = TypeVar("Value")


class FeedUnknown(InventoryError):
    """This process has no such feed. FEEDS names the feeds of a process; all processes need the same."""

    code = "FEED_UNKNOWN"
    retryable = True  # a process with newer settings may have the feed


def find(feeds: Mapping[str, Value], name: str) -> Value:
    """Find what belongs to a feed.

    Raises:
        FeedUnknown: there is no such feed.
    """
    if name not in feeds:
        raise FeedUnknown(f"This process has no feed {name}. Its setting FEEDS names {', '.join(feeds)}.")
    return feeds[name]


class ByFeed:
    """A handler that passes each message to the handler of its feed."""

    def __init__(self, handlers: Mapping[str, Handler], database: Database) -> None:
        self._handlers = handlers
        self._database = database

    async def handle(self, body: bytes, last: bool) -> None:
        """Handle a message by the handler of its feed.

        Raises:
            FeedUnknown: this process does not have the feed of the message.
            InventoryError: as the handler.
        """
        handlers = self._handlers
        # One handler also takes unreadable messages, which it refuses.
        feed = next(iter(handlers)) if len(handlers) == 1 else await self._feed(body)
        await find(handlers, feed)(body, last)

    async def _feed(self, body: bytes) -> str:
        named = feed_named_by(body)
        if named is not None:
            return named
        run_id: UUID | None = run_named_by(body)
        if run_id is None:
            return next(iter(self._handlers))
        async with self._database.connection() as connection:
            return (await repository.run(connection, run_id)).feed
