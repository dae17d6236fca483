"""The subscriptions, and the query that says where to begin."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field, subscription
from app.graphql.relay import key_of
from app.graphql.roots.topics import EventTopic, RunTopic
from app.graphql.types.events import DiamondEvent, Exhibition, HoldEvent
from app.graphql.types.runs import SyncRun, show_state
from inventory.core.errors import NotFound, ValidationFailed
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.dispatcher import Wanted
from inventory.events.models import HOLD_KINDS
from inventory.runs.watch import RunState

T = TypeVar("T")

# The most diamonds that one subscription may name.
MOST_WATCHED = 1000

_argument = strawberry.argument
_AFTER = (
    "The cursor of the last event that the caller has seen: what came after it is sent first, then it goes on live. "
    "Without it: from now on."
)


@strawberry.type
class EventQueries:
    @field(
        says="The cursor of the newest event. Ask for it first, then for what you show, then subscribe after it: nothing is "
        "missed in between.",
        needs=Scope.DIAMONDS_READ,
    )
    async def event_cursor(self, info: Info) -> str | None:
        return cursors.encode(await info.context.hub.cursor())


@strawberry.type(description="What can be followed, over WebSocket (`graphql-transport-ws`) or server-sent events.")
class Subscription:
    @subscription(says="What happens to holds.", needs=Scope.DIAMONDS_READ)
    async def hold_events(
        self,
        info: Info,
        diamond_id: Annotated[strawberry.ID | None, _argument(description="Of this diamond only.")] = UNSET,
        client_id: Annotated[
            str | None,
            _argument(description="Of this client only; another client's needs the scope `purchases:admin`."),
        ] = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[HoldEvent]:
        caller = info.context.caller
        client = _given(client_id)
        if client is not None and client != caller.client_id:
            caller.require(Scope.PURCHASES_ADMIN)
            client = client.replace("\x00", "\ufffd")  # which the database cannot store, so no client has this id
        wanted = Wanted(_stones("diamondId", [diamond_id] if diamond_id else _given(diamond_id)), HOLD_KINDS, client)
        exhibition = Exhibition(info.context.search, caller, info.selection)
        return EventTopic(exhibition.holds, wanted, _cursor(_given(after)))

    @subscription(
        says="Whatever changes diamonds: syncs, new prices, holds and purchases. An event tells of those diamonds only that "
        "were asked for.",
        needs=Scope.DIAMONDS_READ,
    )
    async def diamond_changed(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID] | None,
            _argument(description=f"These diamonds, at most {MOST_WATCHED}; all without it."),
        ] = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[DiamondEvent]:
        wanted = Wanted(_stones("ids", _given(ids)))
        exhibition = Exhibition(info.context.search, info.context.caller, info.selection)
        return EventTopic(exhibition.changes, wanted, _cursor(_given(after)))

    @subscription(
        says="A run of the sync: as it is, then whenever something of it has changed, until it is over.",
        needs=Scope.SYNC_READ,
    )
    async def sync_run_progress(
        self,
        info: Info,
        run_id: Annotated[strawberry.ID, _argument(description="The run's global id, or its plain id.")],
    ) -> AsyncIterator[SyncRun]:
        del info  # the scope was all that is needed of it
        key = key_of(run_id, "SyncRun")
        if key is None:
            raise NotFound("There is no run under this id.")
        return RunTopic(_show_states, key)


async def _show_states(states: Sequence[RunState]) -> list[object]:
    return [show_state(state) for state in states]


def _given(value: T | None) -> T | None:
    return None if value is UNSET else value


def _stones(name: str, ids: Sequence[str] | None) -> frozenset[UUID] | None:
    if ids is None:
        return None
    if not 1 <= len(ids) <= MOST_WATCHED:
        raise ValidationFailed({name: f"should hold 1 to {MOST_WATCHED} ids"})
    keys = {text: key_of(text, "Diamond") for text in ids}
    for text, key in keys.items():
        if key is None:
            raise ValidationFailed({name: f"{text[:100]!r} is not the id of a diamond"})
    return frozenset(key for key in keys.values() if key)


def _cursor(after: str | None) -> Cursor | None:
    if after is None:
        return None
    try:
        return cursors.decode(after)
    except ValueError as error:
        raise ValidationFailed({"after": str(error)}) from None
