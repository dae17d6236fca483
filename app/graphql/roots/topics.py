"""What a subscription's resolver gives: not the events, but which ones are wanted and how they are shown.

graphql-core wants something to iterate over. What one subscriber iterates over is mostly what others get, too, so it is
made elsewhere, once for all of them: see `app.graphql.http.subscription_manager`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from app.graphql.types.events import Heard
from inventory.events.cursors import Cursor
from inventory.events.dispatcher import Wanted
from inventory.runs.watch import RunState

T = TypeVar("T")

# From what happened to what the root field of a subscription gives, each in its place.
Show = Callable[[Sequence[Any]], Awaitable[list[object]]]


class Topic(AsyncIterator[T]):
    """Something that can be subscribed to."""

    def __init__(self, show: Show) -> None:
        self.show = show

    async def __anext__(self) -> T:
        raise TypeError("a topic is followed by app.graphql.http.subscription_manager, not iterated over")


class EventTopic(Topic[T]):
    """Events of the log: those that are wanted, after a cursor or from now on."""

    def __init__(
        self, show: Callable[[Sequence[Heard]], Awaitable[list[object]]], wanted: Wanted, after: Cursor | None
    ) -> None:
        super().__init__(show)
        self.wanted = wanted
        self.after = after


class RunTopic(Topic[T]):
    """A run of the sync, until it is over."""

    def __init__(self, show: Callable[[Sequence[RunState]], Awaitable[list[object]]], run_id: UUID) -> None:
        super().__init__(show)
        self.run_id = run_id
