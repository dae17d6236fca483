"""Topics: what the resolver of a subscription returns. A topic says which events match and how they become GraphQL values.

graphql-core expects an iterator. Subscribers with equal selections share their events, so the manager iterates for all:
see `app.graphql.subscriptions.subscription_manager`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from inventory.events.cursors import Cursor
from inventory.events.log import EventFilter
from inventory.events.models import Event
from inventory.runs.watch import RunState

T = TypeVar("T")

# Turns events or run states into values of the root field, in the same order.
Present = Callable[[Sequence[Any]], Awaitable[list[object]]]


class Topic(AsyncIterator[T]):
    """A subject of subscriptions."""

    def __init__(self, present: Present) -> None:
        self.present = present

    async def __anext__(self) -> T:
        raise TypeError("app.graphql.subscriptions.subscription_manager reads topics; do not iterate over them")


class MatchedEvent(msgspec.Struct, frozen=True):
    """An event and those of its diamonds that match a subscription."""

    event: Event
    diamonds: tuple[UUID, ...]


class EventTopic(Topic[T]):
    """Events of the log that match a filter, after a cursor or from now on."""

    def __init__(
        self,
        present: Callable[[Sequence[MatchedEvent]], Awaitable[list[object]]],
        criteria: EventFilter,
        after: Cursor | None,
        *,
        audience: Hashable = None,
    ) -> None:
        """`audience`: arguments that decide what an event shows, beside the selection and the caller."""
        super().__init__(present)
        self.audience = audience
        self.criteria = criteria
        self.after = after


class RunTopic(Topic[T]):
    """States of a sync run until it ends."""

    def __init__(self, present: Callable[[Sequence[RunState]], Awaitable[list[object]]], run_id: UUID) -> None:
        super().__init__(present)
        self.run_id = run_id
