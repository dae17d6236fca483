"""Events for browsers: one subscription at the API, passed on to every open window."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from examples.storefront.api import Api, ApiError

_WAITING = 256
_PAUSE_SECONDS = 1.0

Json = dict[str, Any]


class Events:
    """Follows the API and keeps a queue for each window."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._windows: set[asyncio.Queue[Json]] = set()

    async def follow(self) -> NoReturn:
        """Follow the API from now on. After a lost connection it goes on behind the last event."""
        cursor: str | None = None
        while True:
            try:
                if cursor is None:
                    cursor = (await self._api.execute("Start", {}))["eventCursor"]
                async for event in self._api.changes(cursor):
                    cursor = event["cursor"]
                    self._pass_on(event)
            except ApiError:
                cursor = None  # it may have expired; windows read what they show again
                self._pass_on({"kind": "RECONNECTED", "diamondIds": [], "diamonds": []})
            await asyncio.sleep(_PAUSE_SECONDS)

    def _pass_on(self, event: Json) -> None:
        for window in self._windows:
            if window.full():
                window.get_nowait()  # a window that does not read loses the oldest event
            window.put_nowait(event)

    @contextmanager
    def window(self) -> Iterator[AsyncIterator[Json | None]]:
        """The events for one window; None when nothing has happened for some time."""
        queue: asyncio.Queue[Json] = asyncio.Queue(_WAITING)
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
