"""Event fanout: one subscription to the API, whose events are published to every open window."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from examples.storefront.api import Api, ApiError

_QUEUE_SIZE = 256
_PAUSE_SECONDS = 1.0

Json = dict[str, Any]


class Events:
    """Subscribes to the API, with a queue for each window."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._windows: set[asyncio.Queue[Json]] = set()

    async def follow(self) -> NoReturn:
        """Subscribe to new events. After a lost connection, continue after the last event."""
        cursor: str | None = None
        while True:
            try:
                if cursor is None:
                    cursor = (await self._api.execute("Start", {}))["eventCursor"]
                async for event in self._api.changes(cursor):
                    cursor = event["cursor"]
                    self._publish(event)
            except ApiError:
                cursor = None  # the cursor may have expired, so windows reload their content
                self._publish({"kind": "RECONNECTED", "diamondIds": [], "diamonds": []})
            await asyncio.sleep(_PAUSE_SECONDS)

    def _publish(self, event: Json) -> None:
        for window in self._windows:
            if window.full():
                window.get_nowait()  # the oldest event of a slow window is dropped
            window.put_nowait(event)

    @contextmanager
    def window(self) -> Iterator[AsyncIterator[Json | None]]:
        """Events for a window. None is a keep-alive after 15 seconds without an event."""
        queue: asyncio.Queue[Json] = asyncio.Queue(_QUEUE_SIZE)
        self._windows.add(queue)
        try:
            yield _read(queue)
        finally:
            self._windows.discard(queue)


async def _read(queue: asyncio.Queue[Json]) -> AsyncIterator[Json | None]:
    while True:
        try:
            async with asyncio.timeout(15):
                event = await queue.get()
        except TimeoutError:
            yield None
        else:
            yield event
